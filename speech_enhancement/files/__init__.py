"""Access to the disk, except for audio: atomic writing, state files, failures, path lists, data URIs."""
