package kindred.bench;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler;
import org.apache.kafka.streams.state.Stores;

/**
 * One customer's profile per key, kept by Kafka Streams in RocksDB: what somebody would write who
 * knows Kafka Streams well and wants it fast.
 *
 * <p>Arguments: brokers, topic, events, "at_least_once" or "exactly_once_v2", state directory.
 * Prints "processed N" at every tenth of the events and waits to be killed after the last: whoever
 * measures reads /proc at these lines.
 */
public final class Main {
  private static final String STORE = "profiles";
  private static final long CACHE_BYTES = 256L << 20;

  private Main() {}

  public static void main(String[] arguments) throws Exception {
    String brokers = arguments[0];
    String topic = arguments[1];
    long events = Long.parseLong(arguments[2]);
    String guarantee = arguments[3];
    Path directory = Path.of(arguments[4]);
    Files.createDirectories(directory);

    Progress progress = new Progress(events);
    Topology topology = new Topology();
    topology.addSource("events", Serdes.ByteArray().deserializer(), Serdes.ByteArray().deserializer(),
        topic);
    topology.addProcessor("profile", () -> new ProfileProcessor(STORE, progress), "events");
    topology.addStateStore(
        Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore(STORE), Serdes.Bytes(),
                Serdes.ByteArray())
            .withCachingEnabled()
            .withLoggingEnabled(Map.of("compression.type", "lz4")),
        "profile");

    KafkaStreams streams = new KafkaStreams(topology, settings(brokers, guarantee, directory));
    streams.setUncaughtExceptionHandler(error -> {
      System.err.println(error);
      Runtime.getRuntime().halt(1);
      return StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse.SHUTDOWN_APPLICATION;
    });
    streams.start();
    new CountDownLatch(1).await();
  }

  private static Properties settings(String brokers, String guarantee, Path directory) {
    Properties set = new Properties();
    set.put(StreamsConfig.APPLICATION_ID_CONFIG, "kafka-streams-peer-" + guarantee.replace('_', '-')
        + "-" + ProcessHandle.current().pid());
    set.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, brokers);
    set.put(StreamsConfig.STATE_DIR_CONFIG, directory.toString());
    set.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 2);
    set.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, guarantee);
    if (guarantee.equals(StreamsConfig.AT_LEAST_ONCE)) {
      set.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 1000);  // exactly once: its default, 100
    }
    set.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, CACHE_BYTES);
    set.put(StreamsConfig.ROCKSDB_CONFIG_SETTER_CLASS_CONFIG, SharedRocksDb.class);
    set.put(StreamsConfig.METRICS_RECORDING_LEVEL_CONFIG, "INFO");
    set.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 10_000);
    set.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
    set.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
    set.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 5000);
    set.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG), 4 << 20);
    set.put(StreamsConfig.consumerPrefix(ConsumerConfig.FETCH_MAX_BYTES_CONFIG), 32 << 20);
    set.put(StreamsConfig.consumerPrefix(ConsumerConfig.RECEIVE_BUFFER_CONFIG), 1 << 20);
    set.put(StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), "lz4");
    set.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 512 << 10);
    set.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), 100);
    set.put(StreamsConfig.producerPrefix(ProducerConfig.BUFFER_MEMORY_CONFIG), 64L << 20);
    return set;
  }

  /** Counts records over all threads. */
  static final class Progress {
    private final long events;
    private final long step;
    private final AtomicLong processed = new AtomicLong();

    Progress(long events) {
      this.events = events;
      this.step = Math.max(1, events / 10);
    }

    /** A thread calls it for so many records at once; prints every tenth of the way. */
    void add(long records) {
      long now = processed.addAndGet(records);
      if (now / step != (now - records) / step || now >= events && now - records < events) {
        System.out.println("processed " + now);
        System.out.flush();
      }
    }

    long left() {
      return events - processed.get();
    }
  }
}
