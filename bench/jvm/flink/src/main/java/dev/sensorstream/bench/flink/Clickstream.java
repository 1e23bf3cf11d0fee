package dev.sensorstream.bench.flink;

import dev.sensorstream.bench.events.Click;
import dev.sensorstream.bench.events.FirstRecord;
import dev.sensorstream.bench.events.Rows;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.functions.ReduceFunction;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.KeyedStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.windowing.AllWindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.EventTimeSessionWindows;
import org.apache.flink.streaming.api.windowing.assigners.SlidingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

/** Views of each page by the minute, active users, and sessions. */
final class Clickstream {
  private static final Duration MINUTE = Duration.ofMinutes(1);
  private static final Duration GAP = Duration.ofMinutes(5);

  private Clickstream() {}

  static void define(StreamExecutionEnvironment environment, Topics topics) {
    DataStream<Click> clicks = topics.events(environment, Click.class, Clickstream::parse, click -> click.time);
    topics.write(views(clicks), "page_view_counts");
    KeyedStream<String, String> users =
        clicks.map(click -> click.user).returns(Types.STRING).keyBy(user -> user, Types.STRING);
    topics.write(active(users), "active_users");
    topics.write(sessions(users), "user_sessions");
  }

  private static Click parse(byte[] json) {
    FirstRecord.seen();
    return Click.parse(json);
  }

  private static DataStream<Row> views(DataStream<Click> clicks) {
    return clicks
        .filter(click -> click.view)
        .map(click -> click.page)
        .returns(Types.STRING)
        .keyBy(page -> page, Types.STRING)
        .window(TumblingEventTimeWindows.of(MINUTE))
        .aggregate(new Count(), Clickstream::viewed, Types.LONG, Types.POJO(Row.class));
  }

  private static void viewed(String page, TimeWindow window, Iterable<Long> counts, Collector<Row> out) {
    long start = window.getStart();
    out.collect(new Row(Rows.key(page, start), Rows.views(page, start, counts.iterator().next())));
  }

  /** Exactly: each user of a minute once, and of those, the different ones of five. */
  private static DataStream<Row> active(KeyedStream<String, String> users) {
    return users
        .window(TumblingEventTimeWindows.of(MINUTE))
        .reduce((ReduceFunction<String>) (first, next) -> first)
        .windowAll(SlidingEventTimeWindows.of(Duration.ofMinutes(5), MINUTE))
        .aggregate(new Different(), new Active(), Types.SET(Types.STRING), Types.POJO(Row.class));
  }

  private static DataStream<Row> sessions(KeyedStream<String, String> users) {
    return users
        .window(EventTimeSessionWindows.withGap(GAP))
        .aggregate(new Count(), Clickstream::session, Types.LONG, Types.POJO(Row.class));
  }

  private static void session(String user, TimeWindow window, Iterable<Long> counts, Collector<Row> out) {
    long first = window.getStart();
    long last = window.getEnd() - GAP.toMillis();
    out.collect(new Row(Rows.key(user, first), Rows.session(user, first, last, GAP.toMillis())));
  }

  private static final class Count implements AggregateFunction<String, Long, Long> {
    @Override
    public Long createAccumulator() {
      return 0L;
    }

    @Override
    public Long add(String value, Long count) {
      return count + 1;
    }

    @Override
    public Long getResult(Long count) {
      return count;
    }

    @Override
    public Long merge(Long one, Long other) {
      return one + other;
    }
  }

  private static final class Different implements AggregateFunction<String, Set<String>, Long> {
    @Override
    public Set<String> createAccumulator() {
      return new HashSet<>();
    }

    @Override
    public Set<String> add(String user, Set<String> users) {
      users.add(user);
      return users;
    }

    @Override
    public Long getResult(Set<String> users) {
      return (long) users.size();
    }

    @Override
    public Set<String> merge(Set<String> one, Set<String> other) {
      one.addAll(other);
      return one;
    }
  }

  private static final class Active implements AllWindowFunction<Long, Row, TimeWindow> {
    @Override
    public void apply(TimeWindow window, Iterable<Long> counts, Collector<Row> out) {
      long start = window.getStart();
      out.collect(new Row(Rows.key("active", start), Rows.active(start, counts.iterator().next())));
    }
  }
}
