"""The configurations that users copy: Kubernetes manifests and the Dataflow template."""
