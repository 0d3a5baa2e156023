-- Headline figures of one repetition from its raw timeline, without inference-bench: in the folder of a repetition
-- (`tar xf run.tar` first) run `duckdb -c ".read recompute.sql"`, or paste this into any duckdb.
-- Percentiles are sorted[floor(n p)], as docs/measurement.md says; times are ns, rates per second.
-- A column that is the same in every row is not in the file but in its notes: then it is filled in from there.
-- Columns: closed loop, multi_stream and open loops: latency_*; offline: samples_per_s.

CREATE OR REPLACE TEMP TABLE notes AS
SELECT decode(key) AS name, decode(value) AS value FROM parquet_kv_metadata('timeline.parquet');

CREATE OR REPLACE TEMP MACRO constant(column_name) AS
    (SELECT CAST(value AS BIGINT) FROM notes WHERE name = 'constant:' || column_name);

-- The second table gives the columns that may be missing a place; where the file has them, its own come first.
CREATE OR REPLACE TEMP TABLE samples AS
SELECT
    coalesce(scheduled, constant('scheduled')) AS scheduled,
    coalesce(started, constant('started')) AS started,
    coalesce(ended, constant('ended')) AS ended,
    coalesce(query, constant('query')) AS query,
    coalesce(status, constant('status')) AS status
FROM (
    SELECT * FROM (SELECT NULL::BIGINT AS scheduled, NULL::BIGINT AS started, NULL::BIGINT AS ended,
                          NULL::BIGINT AS query, NULL::BIGINT AS status) WHERE false
    UNION ALL BY NAME
    SELECT * FROM read_parquet('timeline.parquet')
);

-- A query ends with its last sample, and failed where one of them did.
CREATE OR REPLACE TEMP TABLE queries AS
SELECT max(ended) - min(scheduled) AS latency, max(status) AS status FROM samples GROUP BY query;

CREATE OR REPLACE TEMP TABLE ordered AS
SELECT list_sort(list(CASE WHEN status = 0 THEN latency ELSE 9223372036854775807 END)) AS latency, count(*) AS n
FROM queries;

SELECT
    latency[1 + CAST(floor(n * 0.5) AS BIGINT)] AS latency_p50_ns,
    latency[1 + CAST(floor(n * 0.9) AS BIGINT)] AS latency_p90_ns,
    latency[1 + CAST(floor(n * 0.99) AS BIGINT)] AS latency_p99_ns,
    (SELECT avg(latency) FROM queries WHERE status = 0) AS latency_mean_ns,
    (SELECT count(*) * 1e9 / (SELECT max(ended) - min(scheduled) FROM samples) FROM samples WHERE status = 0)
        AS samples_per_s,
    (SELECT avg(CASE WHEN status = 1 THEN 1.0 ELSE 0.0 END) FROM queries) AS failed_share
FROM ordered;
