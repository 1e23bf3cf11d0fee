package dev.sensorstream.bench.flink;

import java.time.Duration;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.configuration.ExecutionOptions;
import org.apache.flink.core.execution.CheckpointingMode;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** Runs a job up to the end of its topic: {@code Main JOB BOOTSTRAP TOPIC OUT FOLDER}. */
public final class Main {
  private static final int PARALLELISM = 2;

  private Main() {}

  public static void main(String[] arguments) throws Exception {
    String job = arguments[0];
    Topics topics = new Topics(arguments[1], arguments[2], arguments[3]);
    StreamExecutionEnvironment environment =
        StreamExecutionEnvironment.createLocalEnvironment(PARALLELISM, settings(arguments[4]));
    environment.enableCheckpointing(Duration.ofSeconds(10).toMillis(), CheckpointingMode.EXACTLY_ONCE);
    switch (job) {
      case "factory" -> Factory.define(environment, topics);
      case "clickstream" -> Clickstream.define(environment, topics);
      default -> throw new IllegalArgumentException("no such job: " + job);
    }
    environment.execute(job);
    System.out.println("done " + System.currentTimeMillis());
    System.exit(0);
  }

  private static Configuration settings(String folder) {
    Configuration settings = new Configuration();
    settings.set(StateBackendOptions.STATE_BACKEND, "hashmap");
    settings.set(CheckpointingOptions.CHECKPOINT_STORAGE, "filesystem");
    settings.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, "file://" + folder);
    // What a record is, no operator changes or keeps beyond its call.
    settings.set(PipelineOptions.OBJECT_REUSE, true);
    settings.set(PipelineOptions.GENERIC_TYPES, false);
    settings.set(ExecutionOptions.BUFFER_TIMEOUT, Duration.ofMillis(100));
    settings.set(TaskManagerOptions.NETWORK_MEMORY_MIN, MemorySize.ofMebiBytes(128));
    settings.set(TaskManagerOptions.NETWORK_MEMORY_MAX, MemorySize.ofMebiBytes(128));
    settings.set(TaskManagerOptions.MANAGED_MEMORY_SIZE, MemorySize.ofMebiBytes(1));
    return settings;
  }
}
