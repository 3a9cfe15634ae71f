"""Build Keras models from configurations, check user models, and tell logits from probabilities."""
