"""Access to the disk, audio aside: atomic writing, state files, failures, path lists, data URIs."""
