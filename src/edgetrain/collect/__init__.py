"""Pictures from services on the web, with their licences. Verb: collect.

A provider of your own imports what it needs from here: ``from edgetrain.collect import Candidate``.
"""

from edgetrain.collect.candidates import Candidate, FetchJson, PictureSearch

__all__ = ["Candidate", "FetchJson", "PictureSearch"]
