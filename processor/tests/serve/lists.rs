//! Pages of readings, of keys and of windows' rows, and what the pipeline is and how.

use serde_json::{Value, json};

use crate::fixture::{assert_problem, column, with_tables};

#[tokio::test]
async fn pages_of_history_go_back_in_time_and_leave_nothing_out() {
    with_tables(|fixture| async move {
        let api = fixture.serve();
        fixture.insert_readings().await;
        // A row that was there before the pipeline has no place in the topic.
        fixture
            .insert("(1, '2025-08-17T12:00:03Z', 25, 6, true, 'OK', NULL, NULL)")
            .await;
        let temperatures = |pages: &[Value]| {
            let pages = pages.iter().map(|page| column(page, "temperature"));
            pages.collect::<Vec<_>>()
        };
        assert_eq!(
            temperatures(&api.pages("/history?limit=2").await),
            [
                [json!(23.0), json!(22.0)],
                [json!(21.25), json!(25.0)],
                [json!(20.5), json!(24.0)]
            ]
        );
        assert_eq!(
            temperatures(&api.pages("/history?limit=2&key=2").await),
            [vec![json!(23.0), json!(22.0)], vec![json!(24.0)]]
        );
        let span = "from=2025-08-17T12:00:01Z&to=2025-08-17T14:00:03%2B02:00";
        assert_eq!(
            temperatures(&api.pages(&format!("/history?limit=1&{span}")).await),
            [[json!(21.25)], [json!(24.0)]]
        );
        assert_problem(&api.get("/history?from=today").await, 400, "from must be");
        assert_problem(
            &api.get("/history?cursor=abc").await,
            404,
            "no page of this list",
        );
    })
    .await;
}

#[tokio::test]
async fn each_key_has_its_newest_reading() {
    with_tables(|fixture| async move {
        let api = fixture.serve();
        assert_eq!(api.pages("/keys").await, [json!([])]);
        fixture.insert_readings().await;
        fixture
            .insert("(-5, '2025-08-17T11:00:00Z', 30, 6, true, 'OK', 0, 1)")
            .await;
        let pages = api.pages("/keys?limit=2").await;
        let keys: Vec<_> = pages.iter().map(|page| column(page, "sensor_id")).collect();
        assert_eq!(keys, [vec![json!(-5), json!(1)], vec![json!(2)]]);
        assert_eq!(pages[0][1]["temperature"], 21.25);
        assert_eq!(pages[1][0]["temperature"], 22.0);
        assert_problem(&api.get("/keys?key=1").await, 400, "limit and cursor only");
        // "x" is no key of this table.
        assert_problem(&api.get("/keys?cursor=227822").await, 404, "no page");
    })
    .await;
}

#[tokio::test]
async fn rows_of_windows_come_newest_first() {
    with_tables(|fixture| async move {
        let api = fixture.serve();
        fixture
            .run(
                "INSERT INTO $.minutes
                 SELECT s, s + interval '1 min', sensor, 10 + sensor, NULL, 0
                   FROM generate_series('2025-08-17T12:00Z'::timestamptz, '2025-08-17T12:02Z', '1 min') s,
                        generate_series(1, 2) sensor;
                 INSERT INTO $.totals VALUES
                 ('2025-08-17T12:00Z', '2025-08-17T12:01Z', 92233720368547758070, 0),
                 ('2025-08-17T12:01Z', '2025-08-17T12:02Z', NULL, 0);",
            )
            .await;
        let pages = api.pages("/windows/minutes?limit=4").await;
        let rows = |page: &Value| {
            let ends = column(page, "window_end");
            let ends = ends.iter().map(|end| end.as_str().unwrap()[14..16].to_owned());
            ends.zip(column(page, "sensor_id")).collect::<Vec<_>>()
        };
        let row = |minute: &str, sensor: i32| (minute.to_owned(), json!(sensor));
        assert_eq!(rows(&pages[0]), [row("03", 2), row("03", 1), row("02", 2), row("02", 1)]);
        assert_eq!(rows(&pages[1]), [row("01", 2), row("01", 1)]);
        assert_eq!(pages[0][0]["hottest"], Value::Null);
        assert!(pages[0][0].get("_partition").is_none());
        let of_key = api.pages("/windows/minutes?limit=2&key=1").await;
        assert_eq!(rows(&of_key[0]), [row("03", 1), row("02", 1)]);
        assert_eq!(rows(&of_key[1]), [row("01", 1)]);
        let before = api.pages("/windows/minutes?to=2025-08-17T12:02:00Z").await;
        assert_eq!(rows(&before[0]), [row("01", 2), row("01", 1)]);
        let totals = api.pages("/windows/totals").await;
        assert_eq!(column(&totals[0], "uptime"), [Value::Null, json!("92233720368547758070")]);
        assert_problem(&api.get("/windows/totals?key=1").await, 400, "ask without key");
        assert_problem(&api.get("/windows/hours").await, 404, "there are: minutes, totals");
    })
    .await;
}

#[tokio::test]
async fn a_pipeline_without_a_table_has_no_readings_to_ask_for() {
    with_tables(|fixture| async move {
        let api = fixture
            .serve_with(&json!({ "outputs": { "deadLetter": { "topic": { "name": "bad" } } } }));
        for path in ["/latest", "/history", "/keys"] {
            assert_problem(&api.get(path).await, 404, "openapi.json");
        }
        assert_eq!(api.get("/pipeline").await.body["table"], Value::Null);
        let document = api.get("/openapi.json").await.body;
        assert!(document["paths"].get("/latest").is_none());
        assert!(document["paths"].get("/windows/minutes").is_some());
    })
    .await;
}

#[tokio::test]
async fn health_is_that_of_the_commit_log_and_what_the_operator_reported() {
    with_tables(|fixture| async move {
        fixture.commit(0, 13, "2025-08-17T12:00:03Z").await;
        fixture.commit(1, 5, "2025-08-17T12:00:02Z").await;
        fixture
            .run(
                r#"INSERT INTO sensorstream.statuses (pipeline, status) VALUES ('default/$', '{
                    "state": "Running",
                    "conditions": [{ "type": "Ready", "status": "True", "reason": "Ready", "message": "",
                                     "lastTransitionTime": "2025-08-17T12:00:00Z" }] }')"#,
            )
            .await;
        let health = fixture.serve().get("/health").await.body;
        assert_eq!(health["records"]["read"], 18);
        assert_eq!(health["watermark"], "2025-08-17T12:00:02.000000Z");
        assert_eq!(health["conditions"][0]["type"], "Ready");
        assert_eq!(health["state"], "Running");
        assert_eq!(health["partitions"][1]["nextOffset"], 5);
        // There is no Kafka to ask.
        assert_eq!(health["lag"], Value::Null);
        assert_eq!(health["kafka"]["reachable"], false);
    })
    .await;
}
