"""Sources of speech and noise: every corpus ends in the same plain folders and a manifest.

    speech/{train,validation,test}/*.wav      one talker a file, no talker in two splits
    noise/{train,validation,test}/*.wav
    pairs/clean/*.wav  pairs/noisy/*.wav      the test split, mixed once
    manifest.csv                              file, kind, split, speaker, seconds, source

All files are 16-bit WAV, 16 kHz, mono, so that a crop is read by seeking, without decoding anything.
"""
