"""Networks in torch, built from their spec; and their layers, each usable alone."""

from tidegate.nn.attention import Attention, AttentionPooling, SelfAttention, TransformerEncoder
from tidegate.nn.flow import TimeConvolution
from tidegate.nn.ode import ODERNN
from tidegate.nn.recurrent import GRU, LSTM, CoupledLSTM, PeepholeLSTM
from tidegate.nn.xlstm import MLSTM, SLSTM

__all__ = [
    "GRU",
    "LSTM",
    "MLSTM",
    "ODERNN",
    "SLSTM",
    "Attention",
    "AttentionPooling",
    "CoupledLSTM",
    "PeepholeLSTM",
    "SelfAttention",
    "TimeConvolution",
    "TransformerEncoder",
]
