package dev.sensorstream.bench.flink;

import java.io.Serializable;
import java.time.Duration;
import java.util.Properties;
import java.util.function.Function;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.serialization.AbstractDeserializationSchema;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.kafka.clients.producer.ProducerRecord;

/** Where events come from and rows go to. */
final class Topics {
  private static final Duration DELAY = Duration.ofMinutes(2);

  private final String bootstrap;
  private final String input;
  private final String out;

  Topics(String bootstrap, String input, String out) {
    this.bootstrap = bootstrap;
    this.input = input;
    this.out = out;
  }

  /** Parses a record's value. */
  interface Parser<T> extends Function<byte[], T>, Serializable {}

  /** Tells the time of an event, in milliseconds since 1970. */
  interface Clock<T> extends Serializable {
    long time(T event);
  }

  /** The events from the topic's beginning to its present end; each partition has a watermark of its own. */
  <T> SingleOutputStreamOperator<T> events(
      StreamExecutionEnvironment environment, Class<T> type, Parser<T> parser, Clock<T> clock) {
    Properties fetch = new Properties();
    fetch.put("max.partition.fetch.bytes", String.valueOf(4 * 1024 * 1024));
    fetch.put("fetch.max.bytes", String.valueOf(16 * 1024 * 1024));
    fetch.put("max.poll.records", "5000");
    KafkaSource<T> source = KafkaSource.<T>builder()
        .setBootstrapServers(bootstrap)
        .setTopics(input)
        .setGroupId(out)
        .setStartingOffsets(OffsetsInitializer.earliest())
        .setBounded(OffsetsInitializer.latest())
        .setProperties(fetch)
        .setValueOnlyDeserializer(new Values<>(type, parser))
        .build();
    WatermarkStrategy<T> watermarks = WatermarkStrategy.<T>forBoundedOutOfOrderness(DELAY)
        .withTimestampAssigner((event, before) -> clock.time(event));
    return environment.fromSource(source, watermarks, "events");
  }

  /** Writes rows to a topic, exactly once: a transaction a checkpoint. */
  void write(DataStream<Row> rows, String name) {
    String topic = out + "." + name;
    Properties producer = new Properties();
    producer.put("transaction.timeout.ms", String.valueOf(Duration.ofMinutes(10).toMillis()));
    producer.put("linger.ms", "100");
    producer.put("batch.size", String.valueOf(256 * 1024));
    producer.put("compression.type", "lz4");
    KafkaRecordSerializationSchema<Row> serializer =
        (row, context, timestamp) -> new ProducerRecord<>(topic, row.key, row.value);
    rows.sinkTo(KafkaSink.<Row>builder()
        .setBootstrapServers(bootstrap)
        .setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE)
        .setTransactionalIdPrefix(topic)
        .setKafkaProducerConfig(producer)
        .setRecordSerializer(serializer)
        .build());
  }

  private static final class Values<T> extends AbstractDeserializationSchema<T> {
    private final Parser<T> parser;

    Values(Class<T> type, Parser<T> parser) {
      super(TypeInformation.of(type));
      this.parser = parser;
    }

    @Override
    public T deserialize(byte[] value) {
      return parser.apply(value);
    }
  }
}
