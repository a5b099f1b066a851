package kindred.bench;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.IOException;
import java.time.Instant;
import java.time.format.DateTimeParseException;

/** The fields of one event, read in one pass; names become 64-bit hashes without making strings. */
final class EventReader {
  private static final JsonFactory FACTORY = JsonFactory.builder()
      .disable(StreamReadFeature.AUTO_CLOSE_SOURCE)
      .build();

  // 0: absent.
  long eventId;
  long item;
  long category;
  long device;
  long channel;
  int type;
  long timeMs;
  double quantity;
  double price;

  static final int TYPES = 8;
  static final int PURCHASE = 3;

  /** False if the bytes are no event. */
  boolean read(byte[] value) {
    eventId = item = category = device = channel = timeMs = 0;
    type = TYPES - 1;
    quantity = 1;
    price = 0;
    try (JsonParser parser = FACTORY.createParser(value)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        return false;
      }
      for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
        JsonToken token = parser.nextToken();
        switch (name) {
          case "event_id" -> eventId = hash(parser);
          case "item_id" -> item = hash(parser);
          case "category" -> category = hash(parser);
          case "device" -> device = hash(parser);
          case "channel" -> channel = hash(parser);
          case "type" -> type = typeOf(parser.getText());
          case "event_time" -> timeMs = token == JsonToken.VALUE_NUMBER_INT
              ? parser.getLongValue() : Instant.parse(parser.getText()).toEpochMilli();
          case "quantity" -> quantity = parser.getDoubleValue();
          case "price" -> price = parser.getDoubleValue();
          default -> parser.skipChildren();
        }
      }
      return eventId != 0 && timeMs > 0 && timeMs < 4_102_444_800_000L;
    } catch (IOException | DateTimeParseException error) {
      return false;
    }
  }

  private static int typeOf(String name) {
    return switch (name) {
      case "view" -> 0;
      case "click" -> 1;
      case "add_to_cart" -> 2;
      case "purchase" -> PURCHASE;
      case "search" -> 4;
      case "page" -> 5;
      case "remove_from_cart" -> 6;
      default -> TYPES - 1;
    };
  }

  private static long hash(JsonParser parser) throws IOException {
    char[] text = parser.getTextCharacters();
    int end = parser.getTextOffset() + parser.getTextLength();
    long hash = 0x9e3779b97f4a7c15L;
    for (int i = parser.getTextOffset(); i < end; ++i) {
      hash = (hash ^ text[i]) * 0x100000001b3L;
    }
    hash ^= hash >>> 32;
    return hash == 0 ? 1 : hash;
  }
}
