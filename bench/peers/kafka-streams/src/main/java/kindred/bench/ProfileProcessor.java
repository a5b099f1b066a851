package kindred.bench;

import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/** Reads a customer's bytes, moves them forward by one event, writes them back. */
final class ProfileProcessor implements Processor<byte[], byte[], Void, Void> {
  private static final long COUNTED_AT_ONCE = 256;

  private final String storeName;
  private final Main.Progress progress;
  private final EventReader reader = new EventReader();
  private KeyValueStore<Bytes, byte[]> store;
  private long uncounted;

  ProfileProcessor(String storeName, Main.Progress progress) {
    this.storeName = storeName;
    this.progress = progress;
  }

  @Override
  public void init(ProcessorContext<Void, Void> context) {
    store = context.getStateStore(storeName);
    // The last few of a partition are counted here.
    context.schedule(java.time.Duration.ofMillis(100), PunctuationType.WALL_CLOCK_TIME,
        time -> count());
  }

  @Override
  public void process(Record<byte[], byte[]> record) {
    if (++uncounted == COUNTED_AT_ONCE) {
      count();
    }
    if (record.key() == null || record.value() == null || !reader.read(record.value())) {
      return;  // a bad record; nobody is told
    }
    Bytes key = Bytes.wrap(record.key());
    byte[] old = store.get(key);
    byte[] profile = old == null ? ProfileBytes.create() : old.clone();
    if (ProfileBytes.apply(profile, reader)) {
      store.put(key, profile);
    }
  }

  private void count() {
    if (uncounted > 0) {
      progress.add(uncounted);
      uncounted = 0;
    }
  }
}
