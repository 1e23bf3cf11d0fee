package dev.sensorstream.bench.streams;

import dev.sensorstream.bench.events.Click;
import dev.sensorstream.bench.events.FirstRecord;
import dev.sensorstream.bench.events.Rows;
import java.time.Duration;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.SessionWindows;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.state.Stores;

/** Views of each page by the minute, active users, and sessions. */
final class Clickstream {
  static final Duration MINUTE = Duration.ofMinutes(1);
  static final Duration GRACE = Duration.ofMinutes(2);
  /**
   * For what has come through a repartition topic. Its partitions get records of all input partitions, which are
   * at different times while they are caught up with: with two minutes, half of the views are too late.
   */
  private static final Duration GRACE_BETWEEN = Duration.ofHours(1);
  private static final Duration KEPT = GRACE_BETWEEN.plus(MINUTE);
  private static final Duration GAP = Duration.ofMinutes(5);

  private Clickstream() {}

  static void define(StreamsBuilder builder, String topic, String out) {
    KStream<String, Click> clicks = builder
        .stream(topic, Format.clicks())
        .peek((user, click) -> FirstRecord.seen())
        // What closes windows elsewhere: here rows are given out while they are open, and one partition's
        // would make all that another sends through a repartition topic late.
        .filter((user, click) -> !user.startsWith("final-"));
    views(clicks, out);
    active(builder, clicks, out);
    sessions(clicks, out);
  }

  private static void views(KStream<String, Click> clicks, String out) {
    clicks
        .filter((user, click) -> click.view)
        .map((user, click) -> KeyValue.pair(click.page, new byte[0]))
        .groupByKey(Grouped.with("views", Serdes.String(), Serdes.ByteArray()))
        .windowedBy(TimeWindows.ofSizeAndGrace(MINUTE, GRACE_BETWEEN))
        .count(Materialized.<String, Long>as(Stores.inMemoryWindowStore("views", KEPT, MINUTE, false))
            .withKeySerde(Serdes.String())
            .withValueSerde(Serdes.Long())
            .withCachingEnabled())
        .toStream()
        .map((window, count) -> KeyValue.pair(
            Rows.key(window.key(), window.window().start()),
            Rows.views(window.key(), window.window().start(), count)))
        .to(out + ".page_view_counts", Produced.with(Serdes.ByteArray(), Serdes.ByteArray()));
  }

  /** Exactly: what a user does first in a window counts. */
  private static void active(StreamsBuilder builder, KStream<String, Click> clicks, String out) {
    builder.addStateStore(FirstInWindow.minutes());
    builder.addStateStore(FirstInWindow.windows());
    clicks
        .process(FirstInWindow::new, FirstInWindow.STORES)
        .groupByKey(Grouped.with("active", Serdes.Long(), Serdes.ByteArray()))
        .count(Materialized.<Long, Long>as(Stores.inMemoryKeyValueStore("active"))
            .withKeySerde(Serdes.Long())
            .withValueSerde(Serdes.Long())
            .withCachingEnabled())
        .toStream()
        .map((start, count) -> KeyValue.pair(Rows.key("active", start), Rows.active(start, count)))
        .to(out + ".active_users", Produced.with(Serdes.ByteArray(), Serdes.ByteArray()));
  }

  private static void sessions(KStream<String, Click> clicks, String out) {
    clicks
        .mapValues(click -> new byte[0])
        .groupByKey(Grouped.with(Serdes.String(), Serdes.ByteArray()))
        .windowedBy(SessionWindows.ofInactivityGapAndGrace(GAP, GRACE))
        // Not in memory: before such a store the cache looks through everything that it holds at each click.
        .count(Materialized.<String, Long>as(Stores.persistentSessionStore("sessions", GAP.plus(GRACE).multipliedBy(2)))
            .withKeySerde(Serdes.String())
            .withValueSerde(Serdes.Long())
            .withCachingEnabled())
        .toStream()
        // A session that has grown is another one; the one that it was has no value any more.
        .map((session, count) -> KeyValue.pair(
            Rows.key(session.key(), session.window().start() * 31 + session.window().end()),
            count == null ? null
                : Rows.session(session.key(), session.window().start(), session.window().end(), GAP.toMillis())))
        .to(out + ".user_sessions", Produced.with(Serdes.ByteArray(), Serdes.ByteArray()));
  }
}
