package dev.sensorstream.bench.flink;

/** A record to be written. */
public final class Row {
  public byte[] key;
  public byte[] value;

  public Row() {}

  Row(byte[] key, byte[] value) {
    this.key = key;
    this.value = value;
  }
}
