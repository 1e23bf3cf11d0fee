package dev.sensorstream.bench.streams;

import dev.sensorstream.bench.events.Click;
import java.time.Duration;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.WindowStore;

/**
 * Passes on what a user does first in each window of five minutes that slides by one, with the window's start as
 * the key. Most clicks are not the first of their minute either, which takes one look to see.
 */
final class FirstInWindow implements Processor<String, Click, Long, byte[]> {
  static final String[] STORES = {"user-minutes", "user-windows"};

  private static final long MINUTE = Clickstream.MINUTE.toMillis();
  private static final int SLIDES = 5;
  private static final long GRACE = Clickstream.GRACE.toMillis();
  private static final byte[] NOTHING = new byte[0];

  private ProcessorContext<Long, byte[]> context;
  private WindowStore<String, byte[]> minutes;
  private WindowStore<String, byte[]> windows;
  private long latest = Long.MIN_VALUE;

  static StoreBuilder<WindowStore<String, byte[]>> minutes() {
    return store(STORES[0], Duration.ofMinutes(1));
  }

  static StoreBuilder<WindowStore<String, byte[]>> windows() {
    return store(STORES[1], Duration.ofMinutes(SLIDES));
  }

  private static StoreBuilder<WindowStore<String, byte[]>> store(String name, Duration size) {
    Duration kept = Duration.ofMinutes(2 * SLIDES).plus(Clickstream.GRACE);
    return Stores.windowStoreBuilder(
        Stores.inMemoryWindowStore(name, kept, size, false), Serdes.String(), Serdes.ByteArray());
  }

  @Override
  public void init(ProcessorContext<Long, byte[]> context) {
    this.context = context;
    minutes = context.getStateStore(STORES[0]);
    windows = context.getStateStore(STORES[1]);
  }

  @Override
  public void process(Record<String, Click> record) {
    long time = record.timestamp();
    latest = Math.max(latest, time);
    long minute = time - Math.floorMod(time, MINUTE);
    if (minutes.fetch(record.key(), minute) != null) {
      return;
    }
    minutes.put(record.key(), NOTHING, minute);
    for (int slide = 0; slide < SLIDES; slide++) {
      long start = minute - slide * MINUTE;
      boolean open = start + SLIDES * MINUTE + GRACE > latest;
      if (open && windows.fetch(record.key(), start) == null) {
        windows.put(record.key(), NOTHING, start);
        context.forward(new Record<>(start, NOTHING, time));
      }
    }
  }
}
