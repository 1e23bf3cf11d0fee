from harness.environment import Environment
from harness import topics, workloads
from harness.systems import bare, sensorstream
from harness.truth import Truth
import sys, time
env = Environment.from_shell()
n = int(sys.argv[1])
for system in ("factory", "clickstream"):
    t = time.time()
    topic = topics.preload(env, system, n)
    print("preload", topic, time.time() - t)
    t = time.time()
    truth = Truth(env, system, topic)
    print("truth", time.time() - t, {x: truth.rows(x) for x in (("device_minutes", "alerts") if system == "factory" else ("page_view_counts", "active_users", "user_sessions"))})
    print(bare.run(env, topic))
    for w in workloads.ALL:
        if w.system == system:
            run = f"bench-ours-{workloads.ALL.index(w)}"
            topics.delete(env, run); topics.delete(env, f"sensorstream.bench.{run}")
            o = sensorstream.run(env, w, topic, run, truth)
            print(w.name, o, n / o.seconds)
            topics.delete(env, run); topics.delete(env, f"sensorstream.bench.{run}")
