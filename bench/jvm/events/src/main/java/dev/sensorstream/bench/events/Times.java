package dev.sensorstream.bench.events;

/** Times as the events have them: {@code 2025-08-17T12:34:56.789Z}. */
public final class Times {
  private static final int[] DAYS_BEFORE = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};

  private Times() {}

  /** Milliseconds since 1970. Several times as fast as java.time. */
  static long parse(char[] text, int at) {
    int year = number(text, at, 4);
    int month = number(text, at + 5, 2);
    long days = 365L * (year - 1970) + leapsBefore(year) - leapsBefore(1970) + DAYS_BEFORE[month - 1];
    if (month > 2 && isLeap(year)) {
      days++;
    }
    days += number(text, at + 8, 2) - 1;
    long seconds = number(text, at + 11, 2) * 3600L + number(text, at + 14, 2) * 60L + number(text, at + 17, 2);
    return (days * 86_400 + seconds) * 1_000 + number(text, at + 20, 3);
  }

  private static long leapsBefore(int year) {
    int last = year - 1;
    return last / 4 - last / 100 + last / 400;
  }

  private static boolean isLeap(int year) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  }

  private static int number(char[] text, int at, int digits) {
    int number = 0;
    for (int i = at; i < at + digits; i++) {
      number = number * 10 + text[i] - '0';
    }
    return number;
  }
}
