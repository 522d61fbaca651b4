-- What is linked may cost what nobody has said.
ALTER TABLE resources
    ALTER est_monthly_nusd DROP NOT NULL,
    ADD CONSTRAINT resources_estimated CHECK (est_monthly_nusd IS NOT NULL
        OR backend = 'linked');
