"""The commands. What they do is the services'; how results look as JSON is `coach.cli.json_documents`."""
