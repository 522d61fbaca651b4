-- An event of many refusals is found by each of the traces that it has.
CREATE INDEX audit_by_traces ON audit_events USING gin ((data -> 'traces'))
    WHERE action = 'gateway.refused';
