package dev.sensorstream.bench.events;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.UncheckedIOException;

/** What a visitor does. */
public final class Click {
  private static final JsonFactory JSON = new JsonFactory();

  public String user;
  public long time;
  public String page;
  public boolean view;

  public Click() {}

  public static Click parse(byte[] json) {
    Click click = new Click();
    try (JsonParser parser = JSON.createParser(json)) {
      parser.nextToken();
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String field = parser.currentName();
        parser.nextToken();
        switch (field) {
          case "user_id" -> click.user = parser.getText();
          case "event_time" -> click.time = Times.parse(parser.getTextCharacters(), parser.getTextOffset());
          case "page_url" -> click.page = parser.getText();
          case "event_type" -> click.view = parser.getText().equals("page_view");
          default -> parser.skipChildren();
        }
      }
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
    return click;
  }
}
