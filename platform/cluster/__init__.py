"""All that is Ray but no study: session, resources, channel, checks, jobs."""
