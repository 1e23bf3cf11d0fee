package dev.sensorstream.bench.events;

import java.nio.ByteBuffer;

/** What the readings of a motor come to in a minute. */
public final class Minute {
  /** As bytes: a count and two numbers. */
  public static final int BYTES = 3 * Long.BYTES;

  public long count;
  public double temperatures;
  public double vibration = Double.NEGATIVE_INFINITY;

  public Minute() {}

  public Minute add(Reading reading) {
    count++;
    temperatures += reading.temperature;
    vibration = Math.max(vibration, reading.vibration);
    return this;
  }

  public Minute merge(Minute other) {
    count += other.count;
    temperatures += other.temperatures;
    vibration = Math.max(vibration, other.vibration);
    return this;
  }

  public byte[] bytes() {
    return ByteBuffer.allocate(BYTES).putLong(count).putDouble(temperatures).putDouble(vibration).array();
  }

  public static Minute of(byte[] bytes) {
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    Minute minute = new Minute();
    minute.count = buffer.getLong();
    minute.temperatures = buffer.getDouble();
    minute.vibration = buffer.getDouble();
    return minute;
  }
}
