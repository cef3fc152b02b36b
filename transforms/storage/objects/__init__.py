"""Stores over buckets: S3 and what speaks its API, and Google Cloud Storage.

In: a URL, `s3://bucket/prefix` or `gs://bucket/prefix`. Out: a Store, see `storage/contract.py`. Read
`bucket.py` first: the requests that both services have, with their conditions. `store.py` makes the contract
of them, `token.py` is why a revoked writer cannot commit, `ranges.py` reads parts of an object.
"""
