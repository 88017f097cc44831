"""Features on disk: one safetensors file per clip, written whole or not at all, and a manifest."""

from mmemo.store.feature_store import DESCRIPTION_FILE, MANIFEST_FILE, FeatureStore, StoreInfo

__all__ = ["DESCRIPTION_FILE", "MANIFEST_FILE", "FeatureStore", "StoreInfo"]
