-- The mode of guardrails of a project: enforce, monitor or off; null: as the
-- gateway's configuration says.
ALTER TABLE projects ADD COLUMN guardrail_mode text
    CHECK (guardrail_mode IN ('enforce', 'monitor', 'off'));
