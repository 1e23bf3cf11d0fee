package dev.sensorstream.bench.events;

import java.util.concurrent.atomic.AtomicBoolean;

/** Says when the first record is read: the time is measured from there. */
public final class FirstRecord {
  private static final AtomicBoolean SEEN = new AtomicBoolean();
  private static volatile boolean seen;

  private FirstRecord() {}

  public static void seen() {
    if (!seen && SEEN.compareAndSet(false, true)) {
      seen = true;
      System.out.println("first " + System.currentTimeMillis());
    }
  }
}
