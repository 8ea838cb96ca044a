-- Version 3. The users that are in force for a database outlive the process that took them over.

-- `document` says whose they are; `objects` is the text itself, as Git has it: a line about each object, then its JSON on a line.
CREATE TABLE users_text (
	database TEXT NOT NULL PRIMARY KEY,
	application TEXT NOT NULL,
	document TEXT NOT NULL,
	objects TEXT NOT NULL,
	updated INTEGER NOT NULL
) STRICT;
