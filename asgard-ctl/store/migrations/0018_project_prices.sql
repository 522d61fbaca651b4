-- What a project pays instead of the price of a model, by the API: for each
-- ref the kinds that it says, as nano-USD per 1,000 tokens:
-- {"model:a/b": {"in": 3000}}.
ALTER TABLE projects ADD COLUMN prices jsonb NOT NULL DEFAULT '{}'
    CHECK (jsonb_typeof(prices) = 'object');
CREATE INDEX projects_with_prices ON projects (project_id)
    WHERE prices <> '{}';

-- One row: changed with any of them, under its lock.  The keeper publishes anew
-- when it is another one than it published last.
CREATE TABLE price_changes (
    single  boolean PRIMARY KEY DEFAULT true CHECK (single),
    version bigint NOT NULL
);
INSERT INTO price_changes (version) VALUES (0);

GRANT SELECT, UPDATE ON price_changes TO :"runtime";
