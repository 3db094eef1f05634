"""What a forecaster does where data are few: a linear forecast inside the network, the pretrained one beside it."""
