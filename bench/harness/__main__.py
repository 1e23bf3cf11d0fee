from harness.environment import Environment
from harness import topics, workloads
from harness.systems import bare, sensorstream, spark
from harness.truth import Truth
import sys, time
env = Environment.from_shell()
n = int(sys.argv[1])
only = sys.argv[2].split(",")
systems = {"ours": sensorstream, "spark": spark}
try:
    from harness.systems import streams, flink
    systems |= {"streams": streams, "flink": flink}
except ImportError: pass
for system in ("factory", "clickstream"):
    topic = topics.preload(env, system, n)
    truth = Truth(env, system, topic)
    if "bare" in only: print(bare.run(env, topic), flush=True)
    for w in workloads.ALL:
      for name in only:
        if w.system == system and name in systems:
            if name in ("streams", "flink") and w.lake: continue
            if len(sys.argv) > 3 and str(workloads.ALL.index(w)) not in sys.argv[3]: continue
            run = f"bench-{name}-{workloads.ALL.index(w)}"
            topics.delete(env, run); topics.delete(env, f"sensorstream.bench.{run}")
            o = systems[name].run(env, w, topic, run, truth)
            print(name, w.name, o, n / o.seconds, flush=True)
            topics.delete(env, run); topics.delete(env, f"sensorstream.bench.{run}")
