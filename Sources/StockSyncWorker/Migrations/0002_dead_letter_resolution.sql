-- How a dead letter was dealt with. Unresolved (recovery holds its slot): replayed_at and discarded_at both null.
ALTER TABLE dead_letter
    ADD COLUMN discarded_at timestamptz,
    ADD COLUMN resolved_by text,                      -- who, by --by or as the system's user
    ADD COLUMN resolution_note text,
    ADD CONSTRAINT dead_letter_resolution CHECK (replayed_at IS NULL OR discarded_at IS NULL),
    ADD CONSTRAINT dead_letter_resolver CHECK (
        (resolved_by IS NOT NULL) = (replayed_at IS NOT NULL OR discarded_at IS NOT NULL));

-- Dead letters are kept for ever and nearly all of them resolved: who asks for the others reads only those.
CREATE INDEX dead_letter_unresolved ON dead_letter (topic, partition, "offset")
    WHERE replayed_at IS NULL AND discarded_at IS NULL;
