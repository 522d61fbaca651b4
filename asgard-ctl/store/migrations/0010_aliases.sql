-- Names of a project's own: {"default": "model:vllm/llama"}.  What a project
-- calls so is the model, or the name of several, that stands behind it.
ALTER TABLE projects ADD COLUMN aliases jsonb NOT NULL DEFAULT '{}'
    CHECK (jsonb_typeof(aliases) = 'object');
