package dev.sensorstream.bench.events;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.UncheckedIOException;

/** What a motor sends, as far as the job needs it, and as it came. */
public final class Reading {
  private static final JsonFactory JSON = new JsonFactory();

  public String device;
  public long time;
  public double temperature;
  public double vibration;
  public byte[] json;

  public Reading() {}

  /** Reads the fields that the job needs, and passes over the others. */
  public static Reading parse(byte[] json) {
    Reading reading = new Reading();
    reading.json = json;
    try (JsonParser parser = JSON.createParser(json)) {
      parser.nextToken();
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String field = parser.currentName();
        parser.nextToken();
        switch (field) {
          case "device_id" -> reading.device = parser.getText();
          case "ts" -> reading.time = Times.parse(parser.getTextCharacters(), parser.getTextOffset());
          case "temperature_c" -> reading.temperature = parser.getDoubleValue();
          case "vibration_g" -> reading.vibration = parser.getDoubleValue();
          default -> parser.skipChildren();
        }
      }
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
    return reading;
  }

  /** Whether it is worth an alert. */
  public boolean alarming() {
    return temperature > 85.0 || vibration > 0.5;
  }
}
