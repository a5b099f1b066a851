package kindred.bench;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * A profile of fixed width: first and last seen, counts by type, spend, orders at distinct times,
 * ten recent items, eight categories with decayed weights, a vector of sixteen decayed sums, and
 * the fingerprints of the latest sixteen events, in which copies are found.
 */
final class ProfileBytes {
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle DOUBLE =
      MethodHandles.byteArrayViewVarHandle(double[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle FLOAT =
      MethodHandles.byteArrayViewVarHandle(float[].class, ByteOrder.LITTLE_ENDIAN);

  private static final int RECENT = 10;
  private static final int CATEGORIES = 8;
  private static final int DIMENSIONS = 16;
  private static final int SEEN = 16;

  private static final int FIRST_SEEN = 0;
  private static final int LAST_SEEN = 8;
  private static final int SPEND = 16;
  private static final int LAST_ORDER = 24;
  private static final int ORDERS = 32;
  private static final int FREQUENCY = 36;
  private static final int COUNTS = 40;
  private static final int RECENT_AT = COUNTS + 4 * EventReader.TYPES;
  private static final int RECENT_SIZE = 20;  // item, time, type
  private static final int CATEGORY_AT = RECENT_AT + RECENT * RECENT_SIZE;
  private static final int CATEGORY_SIZE = 16;
  private static final int VECTOR_AT = CATEGORY_AT + CATEGORIES * CATEGORY_SIZE;
  private static final int SEEN_AT = VECTOR_AT + 4 * DIMENSIONS;
  private static final int SIZE = SEEN_AT + 8 * SEEN + 8;
  private static final int NEXT_SEEN = SIZE - 8;
  private static final int NEXT_RECENT = SIZE - 4;

  // Forward decay: an event weighs 2^((time - epoch) / half-life), so that nothing has to fade.
  private static final double HALF_LIFE_MS = 30.0 * 86_400_000;
  private static final long EPOCH_MS = 1_700_000_000_000L;
  private static final double LN_2 = Math.log(2);

  private ProfileBytes() {}

  static byte[] create() {
    return new byte[SIZE];
  }

  /** False for a copy, which changes nothing. */
  static boolean apply(byte[] p, EventReader event) {
    for (int i = 0; i < SEEN; ++i) {
      if ((long) LONG.get(p, SEEN_AT + 8 * i) == event.eventId) {
        return false;
      }
    }
    int seen = (int) INT.get(p, NEXT_SEEN);
    LONG.set(p, SEEN_AT + 8 * (seen & (SEEN - 1)), event.eventId);
    INT.set(p, NEXT_SEEN, seen + 1);

    long first = (long) LONG.get(p, FIRST_SEEN);
    if (first == 0 || event.timeMs < first) {
      LONG.set(p, FIRST_SEEN, event.timeMs);
    }
    if (event.timeMs > (long) LONG.get(p, LAST_SEEN)) {
      LONG.set(p, LAST_SEEN, event.timeMs);
    }
    int count = COUNTS + 4 * event.type;
    INT.set(p, count, (int) INT.get(p, count) + 1);
    double weight = Math.exp((event.timeMs - EPOCH_MS) / HALF_LIFE_MS * LN_2);
    if (event.item != 0) {
      int recent = (int) INT.get(p, NEXT_RECENT);
      int at = RECENT_AT + RECENT_SIZE * (recent % RECENT);
      LONG.set(p, at, event.item);
      LONG.set(p, at + 8, event.timeMs);
      INT.set(p, at + 16, event.type);
      INT.set(p, NEXT_RECENT, recent + 1);
    }
    if (event.category != 0) {
      addCategory(p, event.category, weight);
    }
    double amount = 0;
    if (event.type == EventReader.PURCHASE) {
      amount = event.quantity * event.price;
      DOUBLE.set(p, SPEND, (double) DOUBLE.get(p, SPEND) + amount);
      INT.set(p, ORDERS, (int) INT.get(p, ORDERS) + 1);
      if ((long) LONG.get(p, LAST_ORDER) != event.timeMs) {
        INT.set(p, FREQUENCY, (int) INT.get(p, FREQUENCY) + 1);
        LONG.set(p, LAST_ORDER, event.timeMs);
      }
    }
    addDimension(p, event.type, weight);
    addDimension(p, 8, weight * amount);
    addDimension(p, 9 + (int) (Math.floorMod(event.device, 3L)), weight);
    addDimension(p, 12 + (int) (Math.floorMod(event.channel, 4L)), weight);
    return true;
  }

  private static void addDimension(byte[] p, int dimension, double value) {
    int at = VECTOR_AT + 4 * dimension;
    FLOAT.set(p, at, (float) FLOAT.get(p, at) + (float) value);
  }

  // The weakest makes place.
  private static void addCategory(byte[] p, long category, double weight) {
    int weakest = CATEGORY_AT;
    double least = Double.MAX_VALUE;
    for (int i = 0; i < CATEGORIES; ++i) {
      int at = CATEGORY_AT + CATEGORY_SIZE * i;
      double held = (double) DOUBLE.get(p, at + 8);
      if ((long) LONG.get(p, at) == category) {
        DOUBLE.set(p, at + 8, held + weight);
        return;
      }
      if (held < least) {
        least = held;
        weakest = at;
      }
    }
    LONG.set(p, weakest, category);
    DOUBLE.set(p, weakest + 8, weight);
  }
}
