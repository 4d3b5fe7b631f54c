"""The sandbox: a confined worker that runs a submission's code, and the judge that calls it."""
