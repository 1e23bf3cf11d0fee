package dev.sensorstream.bench.flink;

import dev.sensorstream.bench.events.FirstRecord;
import dev.sensorstream.bench.events.Minute;
import dev.sensorstream.bench.events.Reading;
import dev.sensorstream.bench.events.Rows;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

/** Each motor's minutes, and alerts. */
final class Factory {
  private Factory() {}

  static void define(StreamExecutionEnvironment environment, Topics topics) {
    DataStream<Reading> readings = topics.events(environment, Reading.class, Factory::parse, reading -> reading.time);
    DataStream<Row> alerts = readings
        .filter(Reading::alarming)
        .map(reading -> new Row(reading.device.getBytes(StandardCharsets.UTF_8), reading.json))
        .returns(Row.class);
    topics.write(alerts, "alerts");
    DataStream<Row> minutes = readings
        // What the windows need, and no more, goes from one thread to another.
        .map(Factory::measured)
        .returns(Reading.class)
        .keyBy(reading -> reading.device)
        .window(TumblingEventTimeWindows.of(Duration.ofMinutes(1)))
        .aggregate(new Sum(), Factory::row)
        .returns(Row.class);
    topics.write(minutes, "device_minutes");
  }

  private static Reading parse(byte[] json) {
    FirstRecord.seen();
    return Reading.parse(json);
  }

  private static Reading measured(Reading reading) {
    Reading measured = new Reading();
    measured.device = reading.device;
    measured.temperature = reading.temperature;
    measured.vibration = reading.vibration;
    return measured;
  }

  private static void row(String device, TimeWindow window, Iterable<Minute> minutes, Collector<Row> out) {
    long start = window.getStart();
    for (Minute minute : minutes) {
      out.collect(new Row(Rows.key(device, start), Rows.minute(device, start, minute)));
    }
  }

  private static final class Sum implements AggregateFunction<Reading, Minute, Minute> {
    @Override
    public Minute createAccumulator() {
      return new Minute();
    }

    @Override
    public Minute add(Reading reading, Minute minute) {
      return minute.add(reading);
    }

    @Override
    public Minute getResult(Minute minute) {
      return minute;
    }

    @Override
    public Minute merge(Minute one, Minute other) {
      return one.merge(other);
    }
  }
}
