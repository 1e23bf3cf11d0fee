package dev.sensorstream.bench.streams;

import dev.sensorstream.bench.events.FirstRecord;
import dev.sensorstream.bench.events.Minute;
import dev.sensorstream.bench.events.Reading;
import dev.sensorstream.bench.events.Rows;
import java.time.Duration;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.state.Stores;

/** Each motor's minutes, and alerts. */
final class Factory {
  private static final Duration MINUTE = Duration.ofMinutes(1);
  private static final Duration GRACE = Duration.ofMinutes(2);
  private static final Duration KEPT = GRACE.plus(MINUTE);

  private Factory() {}

  static void define(StreamsBuilder builder, String topic, String out) {
    KStream<String, Reading> readings =
        builder.stream(topic, Format.readings()).peek((key, reading) -> FirstRecord.seen());
    readings
        .filter((key, reading) -> reading.alarming())
        .mapValues(reading -> reading.json)
        .to(out + ".alerts");
    readings
        .groupByKey()
        .windowedBy(TimeWindows.ofSizeAndGrace(MINUTE, GRACE))
        .aggregate(
            Minute::new,
            (device, reading, minute) -> minute.add(reading),
            Materialized.<String, Minute>as(Stores.inMemoryWindowStore("minutes", KEPT, MINUTE, false))
                .withKeySerde(Serdes.String())
                .withValueSerde(Format.MINUTE)
                .withCachingEnabled())
        .toStream()
        .map((window, minute) -> KeyValue.pair(
            Rows.key(window.key(), window.window().start()),
            Rows.minute(window.key(), window.window().start(), minute)))
        .to(out + ".device_minutes", Produced.with(Serdes.ByteArray(), Serdes.ByteArray()));
  }
}
