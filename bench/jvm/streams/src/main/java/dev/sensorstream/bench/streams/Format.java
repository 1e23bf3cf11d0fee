package dev.sensorstream.bench.streams;

import dev.sensorstream.bench.events.Click;
import dev.sensorstream.bench.events.Minute;
import dev.sensorstream.bench.events.Reading;
import java.util.function.Function;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.processor.TimestampExtractor;

/** How values are read and written. */
final class Format {
  static final Serde<Minute> MINUTE = of(Minute::bytes, Minute::of);

  private Format() {}

  /** Readings, by their own time. */
  static Consumed<String, Reading> readings() {
    TimestampExtractor time = (record, before) -> ((Reading) record.value()).time;
    return Consumed.with(Serdes.String(), of(reading -> reading.json, Reading::parse)).withTimestampExtractor(time);
  }

  /** Clicks, by their own time. They are not sent on, but for what is counted. */
  static Consumed<String, Click> clicks() {
    TimestampExtractor time = (record, before) -> ((Click) record.value()).time;
    return Consumed.with(Serdes.String(), Format.<Click>of(click -> null, Click::parse)).withTimestampExtractor(time);
  }

  private static <T> Serde<T> of(Function<T, byte[]> write, Function<byte[], T> read) {
    return Serdes.serdeFrom(
        (topic, value) -> value == null ? null : write.apply(value),
        (topic, bytes) -> bytes == null ? null : read.apply(bytes));
  }
}
