"""Stores as earlier versions wrote them, word for word. Never edit one: add the next."""

_EVENTS = """
CREATE TABLE schema_version (version INTEGER NOT NULL, PRIMARY KEY (version));
CREATE TABLE events (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, uid VARCHAR(64) NOT NULL, action VARCHAR(16) NOT NULL,
    annotator VARCHAR(200) NOT NULL, item VARCHAR(200) NOT NULL, kind VARCHAR(16) NOT NULL, record TEXT NOT NULL,
    target VARCHAR(64) NOT NULL, note TEXT NOT NULL, simulated BOOLEAN NOT NULL, shown_order VARCHAR(200) NOT NULL,
    seconds FLOAT, shown_at FLOAT, answered_at FLOAT NOT NULL, UNIQUE (uid)
);
CREATE INDEX ix_events_item ON events (item);
CREATE INDEX ix_events_annotator ON events (annotator);
INSERT INTO schema_version VALUES (1);
INSERT INTO events VALUES
    (1, 'u1', 'consent', 'ann', '', '', '', '', 'You may use my answers.', 0, '[]', NULL, NULL, 1795524000.5),
    (2, 'u2', 'answer', 'ann', 'i1', 'preference',
     '{"kind": "preference", "prompt": "p", "a": "x", "b": "y", "choice": "b"}', '', '', 0, '[1, 0]', 1.5, 1795524001.0, 1795524002.5),
    (3, 'u3', 'answer', 'ann', 'i2', 'rating',
     '{"kind": "rating", "prompt": "p", "text": "x", "score": 4.0, "low": 1.0, "high": 5.0}', '', '', 0, '[0]', 2.0, NULL, 1795524003.0),
    (4, 'u4', 'skip', 'ann', 'i3', '', '', '', 'It upsets me', 0, '[0, 1]', 3.0, NULL, 1795524004.0),
    (5, 'u5', 'answer', 'robot', 'i1', 'preference',
     '{"kind": "preference", "prompt": "p", "a": "x", "b": "y", "choice": "tie"}', '', '', 1, '[0, 1]', NULL, NULL, 1795524005.0),
    (6, 'u6', 'undo', 'ann', 'i2', '', '', 'u3', '', 0, '[]', NULL, NULL, 1795524006.0);
"""
_LEASES = """
CREATE TABLE leases (
    item VARCHAR(200) NOT NULL, annotator VARCHAR(200) NOT NULL, expires FLOAT NOT NULL, PRIMARY KEY (item, annotator)
);
INSERT INTO schema_version VALUES (2);
INSERT INTO leases VALUES ('i9', 'bob', 4000000000.0);
"""
OLD = {1: _EVENTS, 2: _EVENTS + _LEASES}
