"""What touches the disk, audio aside: atomic writing, state files, failures, path lists."""
