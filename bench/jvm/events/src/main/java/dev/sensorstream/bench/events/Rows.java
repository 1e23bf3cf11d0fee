package dev.sensorstream.bench.events;

import java.nio.charset.StandardCharsets;

/** The rows that the jobs give out, as JSON; times are milliseconds since 1970. */
public final class Rows {
  private Rows() {}

  public static byte[] minute(String device, long start, Minute minute) {
    return bytes("{\"window_start\":" + start + ",\"device_id\":\"" + device + "\",\"event_count\":" + minute.count
        + ",\"avg_temperature_c\":" + minute.temperatures / minute.count + ",\"max_vibration_g\":" + minute.vibration
        + "}");
  }

  public static byte[] views(String page, long start, long count) {
    return bytes("{\"window_start\":" + start + ",\"page_url\":\"" + page + "\",\"view_count\":" + count + "}");
  }

  public static byte[] active(long start, long count) {
    return bytes("{\"window_start\":" + start + ",\"active_users_count\":" + count + "}");
  }

  /** A session, by its first and its last click. */
  public static byte[] session(String user, long first, long last, long gap) {
    long end = last + gap;
    return bytes("{\"user_id\":\"" + user + "\",\"session_start_time\":" + first + ",\"session_end_time\":" + end
        + ",\"session_duration_seconds\":" + (end - first) / 1_000 + "}");
  }

  public static byte[] key(String name, long start) {
    return bytes(name + '|' + start);
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
