-- Limits of a key or a project: requests and tokens of any 60 seconds, and
-- calls under way.  NULL: none; 0 admits nothing.
ALTER TABLE keys
    ADD COLUMN rpm_limit bigint CHECK (rpm_limit BETWEEN 0 AND 1000000000),
    ADD COLUMN tpm_limit bigint CHECK (tpm_limit BETWEEN 0 AND 1000000000),
    ADD COLUMN max_parallel_requests bigint
        CHECK (max_parallel_requests BETWEEN 0 AND 1000000000);
ALTER TABLE projects
    ADD COLUMN rpm_limit bigint CHECK (rpm_limit BETWEEN 0 AND 1000000000),
    ADD COLUMN tpm_limit bigint CHECK (tpm_limit BETWEEN 0 AND 1000000000),
    ADD COLUMN max_parallel_requests bigint
        CHECK (max_parallel_requests BETWEEN 0 AND 1000000000);
