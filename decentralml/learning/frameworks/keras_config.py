"""The allow list of what a Keras structure may be made of, checked before Keras sees it.

Keras's own safe mode has been passed by structures that name functions or classes of other modules;
an allow list does not depend on it. Left out with a reason: ``Lambda`` and wrappers of other
frameworks (``TorchModuleWrapper``, ``JaxLayer``, ``TFSMLayer``), which execute code;
``TextVectorization`` and the lookups, which open files that the structure names; functions;
everything registered.
"""

from __future__ import annotations

from typing import Any, Final

from decentralml.learning.errors import UnsafeModel


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LAYERS: Final = _words("""
    InputLayer Dense EinsumDense Embedding Identity Masking Activation
    Conv1D Conv2D Conv3D Conv1DTranspose Conv2DTranspose Conv3DTranspose
    SeparableConv1D SeparableConv2D DepthwiseConv1D DepthwiseConv2D
    MaxPooling1D MaxPooling2D MaxPooling3D AveragePooling1D AveragePooling2D AveragePooling3D
    GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D
    GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D
    LSTM GRU SimpleRNN Bidirectional TimeDistributed LSTMCell GRUCell SimpleRNNCell RNN ConvLSTM2D
    BatchNormalization LayerNormalization GroupNormalization UnitNormalization SpectralNormalization
    RMSNormalization Normalization Rescaling Resizing CenterCrop
    Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D GaussianDropout GaussianNoise
    AlphaDropout ActivityRegularization
    RandomFlip RandomRotation RandomTranslation RandomZoom RandomCrop RandomContrast
    RandomBrightness
    Attention AdditiveAttention MultiHeadAttention GroupQueryAttention
    Reshape Flatten RepeatVector Permute Cropping1D Cropping2D Cropping3D UpSampling1D UpSampling2D
    UpSampling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D
    Add Subtract Multiply Average Maximum Minimum Concatenate Dot
    ReLU LeakyReLU PReLU ELU Softmax
    """)
_INITIALIZERS: Final = _words("""
    Zeros Ones Constant Identity RandomNormal RandomUniform TruncatedNormal VarianceScaling
    Orthogonal GlorotNormal GlorotUniform HeNormal HeUniform LecunNormal LecunUniform
    """)
_OPTIMIZERS: Final = _words(
    "SGD RMSprop Adam AdamW Adadelta Adagrad Adamax Adafactor Nadam Ftrl Lion Lamb Muon"
)
_LOSSES: Final = _words("""
    SparseCategoricalCrossentropy CategoricalCrossentropy BinaryCrossentropy MeanSquaredError
    MeanAbsoluteError MeanAbsolutePercentageError MeanSquaredLogarithmicError Huber LogCosh
    KLDivergence Poisson CosineSimilarity Hinge SquaredHinge CategoricalHinge
    BinaryFocalCrossentropy CategoricalFocalCrossentropy Dice Tversky
    """)
_METRICS: Final = _words("""
    Accuracy BinaryAccuracy CategoricalAccuracy SparseCategoricalAccuracy TopKCategoricalAccuracy
    SparseTopKCategoricalAccuracy MeanSquaredError RootMeanSquaredError MeanAbsoluteError Mean AUC
    Precision Recall F1Score MeanIoU SparseCategoricalCrossentropy CategoricalCrossentropy
    BinaryCrossentropy KLDivergence
    """)
_SCHEDULES: Final = _words("""
    ExponentialDecay PiecewiseConstantDecay PolynomialDecay InverseTimeDecay CosineDecay
    CosineDecayRestarts
    """)
ALLOWED: Final[dict[str, frozenset[str]]] = {
    "keras": frozenset({"Sequential", "Functional", "Model", "DTypePolicy"}),
    "keras.models": frozenset({"Sequential", "Functional", "Model"}),
    "keras.src.models.functional": frozenset({"Functional"}),
    "keras.layers": _LAYERS,
    "keras.initializers": _INITIALIZERS,
    "keras.regularizers": frozenset({"L1", "L2", "L1L2", "OrthogonalRegularizer"}),
    "keras.constraints": frozenset({"MaxNorm", "NonNeg", "UnitNorm", "MinMaxNorm"}),
    "keras.optimizers": _OPTIMIZERS,
    "keras.optimizers.schedules": _SCHEDULES,
    "keras.losses": _LOSSES,
    "keras.metrics": _METRICS,
}
"""Module → the classes of it that a structure may name."""
_MODELS: Final = frozenset({"Sequential", "Functional", "Model"})
_TENSOR: Final = "__keras_tensor__"
_TENSOR_KEYS: Final = frozenset({"shape", "dtype", "keras_history"})
_OBJECT_KEYS: Final = frozenset({"class_name", "module", "registered_name"})
_FUNCTION_KEYS: Final = frozenset({"fn", "function", "spec_name", "code", "custom_objects"})


def check_config(config: dict[str, Any]) -> None:
    """Raises UnsafeModel unless ``config`` is a model made of allowed built-in classes only.

    Args:
        config: a ``.keras`` file's ``config.json``, with ``build_config`` and ``compile_config``.
    """
    if config.get("class_name") not in _MODELS:
        raise UnsafeModel(f"the structure is a {config.get('class_name')!r}, no Keras model")
    _check(config)


def _check(value: Any) -> None:
    if isinstance(value, list):
        for item in value:
            _check(item)
    elif isinstance(value, dict):
        suspicious = _FUNCTION_KEYS & set(value)
        if suspicious:
            raise UnsafeModel(f"the structure carries a function ({sorted(suspicious)[0]!r})")
        if _OBJECT_KEYS & set(value):
            _check_object(value)
        for item in value.values():
            _check(item)


def _check_object(value: dict[str, Any]) -> None:
    name = value.get("class_name")
    if name == _TENSOR and set(value) == {"class_name", "config"}:
        if not isinstance(value["config"], dict) or set(value["config"]) != _TENSOR_KEYS:
            raise UnsafeModel("a tensor of the structure has unusual fields")
        return
    module, registered = value.get("module"), value.get("registered_name")
    if not isinstance(name, str) or not isinstance(module, str) or "config" not in value:
        raise UnsafeModel(f"an object of the structure does not say what it is: {name!r}")
    if name in {"Lambda", "__lambda__"}:
        raise UnsafeModel("a Lambda layer, which executes code of its author")
    if name not in ALLOWED.get(module, ()):
        raise UnsafeModel(f"{module}.{name} is not a built-in that a model here may use")
    if registered is not None and registered != name:
        raise UnsafeModel(f"{name} is registered as the custom object {registered!r}")
