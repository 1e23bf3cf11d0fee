"""The API over fifty million readings: which plans PostgreSQL has for its queries, whatever is asked.

```text
rows ─► PostgreSQL ◄─ the API ◄─ requests
             │
             └─► plans (auto_explain) ─► what each took, beside what it may take
```
It needs nothing of the cluster.
"""
