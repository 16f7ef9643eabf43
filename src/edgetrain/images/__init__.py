"""Pictures as files: what their headers say, their pixels, their encoding, and which look alike."""
