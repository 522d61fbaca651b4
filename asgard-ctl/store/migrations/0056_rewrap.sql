-- Wrapping secrets by a new key is a job, too: of no resource, in a lane of its
-- own, whose progress is where the job is.
ALTER TABLE job_lanes
    DROP CONSTRAINT job_lanes_resource_id_fkey,
    ADD of_resource uuid GENERATED ALWAYS AS (nullif(resource_id,
        '00000000-0000-0000-0000-000000000000')) STORED REFERENCES resources;
INSERT INTO job_lanes (resource_id)
    VALUES ('00000000-0000-0000-0000-000000000000');

ALTER TABLE jobs
    ADD kek text,                       -- done by who has it as the first
    DROP CONSTRAINT jobs_kind_check,
    ADD CONSTRAINT jobs_kind_check CHECK (kind IN ('make', 'destroy',
        'suspend', 'resume', 'rotate', 'rewrap')),
    ADD CONSTRAINT jobs_lane CHECK ((kind = 'rewrap')
        = (resource_id = '00000000-0000-0000-0000-000000000000'));
