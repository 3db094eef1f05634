"""What each finding is called, what was seen, why, and what to do: the words alone."""

from __future__ import annotations

from typing import NamedTuple


class Words(NamedTuple):
    """Of one finding."""

    title: str
    seen: str
    cause: str
    advice: str


WORDS = {
    "leak": Words(
        "The answer leaks into the inputs",
        "The column {column} gives away {share} % of the target's variation at the very steps to be forecast, more "
        "than an honest covariate does.",
        "The column holds the target, or is computed from it or from later values, so it will not be there in "
        "production.",
        "Leave the column out, unless its values are truly known when the forecast is made.",
    ),
    "unscaled_inputs": Words(
        "Inputs are badly scaled",
        "The input {column} has mean {mean} and deviation {deviation} when it enters the network ({columns} such "
        "inputs); it should be near 0 and 1.",
        "Gates work between about -4 and 4: far larger inputs hold them open or shut, far smaller ones are not seen.",
        "Scale the inputs.",
    ),
    "outliers": Words(
        "A few wild values dominate the loss",
        "One hundredth of the errors makes up {share} % of the training loss (normal errors: {usual} %). The target "
        "{column} has {count} values beyond 10 interquartile ranges, the farthest at {wild}.",
        "Faulty readings or rare events pull the weights towards themselves, and stretch the scale of everything else.",
        "Check these values; use a loss and a scale that single values cannot bend.",
    ),
    "learning_rate_high": Words(
        "The learning rate is too high",
        "Training at {rate} for {steps} steps ended at a validation loss of {loss}; an untrained copy, trained at "
        "{probe_rate}, reached {probe_loss} in {probe_steps} steps.",
        "Every step jumps over the valley that it should descend into.",
        "Lower the learning rate.",
    ),
    "exploding_gradients": Words(
        "Gradients explode",
        "The gradient's norm was typically {typical} and at most {largest}, with clipping at {clip}; {clipped} % of "
        "the steps were clipped.",
        "A product of many factors above 1 over the time steps, too large a rate, or inputs out of scale.",
        "Clip the gradient and lower the learning rate.",
    ),
    "learning_rate_low": Words(
        "The learning rate is too low",
        "Training at {rate} for {steps} steps ended at a validation loss of {loss}; an untrained copy, trained at "
        "{probe_rate}, reached {probe_loss} in {probe_steps} steps.",
        "The steps are so small that the training ends before it gets anywhere.",
        "Raise the learning rate.",
    ),
    "stopped_early": Words(
        "Training stopped too early",
        "After {epochs} epochs ({steps} steps) the loss was still falling: 60 steps more lower the validation loss by "
        "{gain} %.",
        "The limit of epochs ended the training, not the validation loss.",
        "Allow more epochs; patience ends the training when it no longer pays.",
    ),
    "vanishing_gradients": Words(
        "Gradients vanish over time or depth",
        "Over {steps} recurrent steps the gradient at the oldest is {ratio} of that at the newest (lowest layer over "
        "the highest: {layer_ratio}), and the old values would still explain some of the errors.",
        "A product of many factors below 1: what lies far back has no say in the training.",
        "Shorten the way: join steps (segment), let attention reach back, or use fewer layers.",
    ),
    "window_short": Words(
        "The window is too short",
        "Values before the window of {window} steps, up to {reach} back, explain {explained} % of the variation that "
        "the model leaves.",
        "The data remember longer than the model looks back.",
        "Give the model a longer window.",
    ),
    "few_cycles": Words(
        "Too few seasonal cycles",
        "The training part has {rows} steps: {cycles} cycles of {season} steps, and {needed} are needed to tell a "
        "cycle from chance.",
        "A cycle that was seen once or twice cannot be told from a trend or an accident.",
        "Get more history; until then keep the model small.",
    ),
    "drift": Words(
        "The data have changed since training",
        "In the {part} the level of {column} lies {shift} deviations from that of the training part and "
        "{outside} % of its values are outside the range seen in training; the error grows {gap} times as much as that "
        "of a simple method.",
        "A trend or a break: the model is asked about values it never saw.",
        "Forecast the change from each window's last value, and train again on recent data.",
    ),
    "useless_features": Words(
        "Some columns are not used",
        "Shuffling {columns} ({count} of {of} columns) does not raise the validation loss.",
        "They tell nothing about the target that the rest does not, and give the model chances to learn accidents.",
        "Leave them out.",
    ),
    "overfitting": Words(
        "Overfitting",
        "From the training to the validation part the error grows {gap} times as much as that of a simple method. The "
        "validation loss was lowest in epoch {best_epoch} of {epochs} and ended {rise} % above that. {parameters} "
        "weights for {values} training values.",
        "The network learns accidents of the training part by heart.",
        "Make it harder to learn by heart: dropout, fewer units, more data.",
    ),
    "underfitting": Words(
        "Underfitting",
        "The error is {worse} % above that of a simple method ({baseline}: {baseline_error}, model: {error}), in "
        "training as in validation; {hidden_size} units per layer.",
        "The network is too small or too restrained for what the data hold.",
        "Give it more units or layers, or less dropout.",
    ),
    "unstable_loss": Words(
        "The loss is unstable",
        "In {jumps} % of the {epochs} epochs the validation loss jumped, at worst to {worst} times the one before.",
        "Single batches throw the weights far off.",
        "Lower the learning rate, clip harder.",
    ),
    "saturated_gates": Words(
        "Gates are stuck",
        "{saturated} % of the gate values are fully open or shut, and {dead} % of the units never move.",
        "Too large inputs, weights or steps drove the gates to their ends, where no gradient moves them.",
        "Scale the inputs, lower the learning rate.",
    ),
    "lag_copy": Words(
        "The forecast repeats the last value",
        "The forecast moves {moved} % as far from the last value as the actual values do, and is {skill} % better than "
        "repeating it.",
        "The inputs tell nothing of where the target goes next, or the model found nothing but the last value.",
        "Forecast changes, add columns that move before the target does; if nothing helps, repeat the last value.",
    ),
    "window_long": Words(
        "The window is longer than the memory in the data",
        "With all but the newest {needed} of {window} steps taken from other windows, the validation loss grows by "
        "only {growth} %.",
        "The older steps tell nothing more, and cost time.",
        "A shorter window trains faster at the same error.",
    ),
    "wasted_epochs": Words(
        "Epochs were wasted",
        "The validation loss was lowest in epoch {best_epoch} of {epochs}; the rest took {seconds} s.",
        "Training went on although the kept weights no longer changed.",
        "Stop sooner.",
    ),
    "beaten": Words(
        "A simple method is better",
        "In the {part} the model's {metric} is {model}, that of a simple method ({baseline}) {reference}, more than "
        "chance explains.",
        "The network is the wrong tool here, or has too little to learn from; no single option stands out.",
        "Use the simple method until the model is better; try other columns or a longer history.",
    ),
    "independent": Words(
        "There may be nothing to learn",
        "No method is better than a constant (error of the model {error}, of the best constant {baseline_error}), and "
        "at no lag do the {rows} training rows depend on those before (highest correlation {highest}).",
        "The values look independent of their past: then the best forecast is a constant with its intervals, and "
        "neither size nor longer training helps.",
        "Use the constant; add columns that tell of the target, or forecast sums over longer steps.",
    ),
    "unrelated": Words(
        "There may be nothing to learn",
        "Of {count} validation examples the model gets an error of {error}, the best simple method ({baseline}) of "
        "{baseline_error}; always giving the same answer has {constant}, and chance explains the difference.",
        "The labels look unrelated to the sequences: then neither size nor longer training helps.",
        "See whether each label stands at its own sequence; add channels that tell of the labels, or more examples.",
    ),
    "capacity": Words(
        "Many weights for little data",
        "{parameters} weights for {values} training values, {ratio} for each.",
        "A smaller network may do as well, and forgets less of what matters.",
        "Try fewer units.",
    ),
    "group_leak": Words(
        "The same source on both sides of the split",
        "{share} % of the validation sequences come from sources that the training part holds ({count}, such as "
        "{names}). Wrong answers there: {inside} %, elsewhere: {outside} %.",
        "A speaker, patient or machine is recognised, not what it says or how it runs; new ones will be judged worse.",
        "Name the column of the source as group, so that none is on both sides.",
    ),
    "label_noise": Words(
        "Some labels look wrong",
        "{count} of {of} labels ({share} %) of the {part} are contradicted by a model that is sure of another class, "
        "such as {names}.",
        "Slips of those who labelled, or classes that are not told apart.",
        "Look at these first; correct or drop what is wrong, and smooth the labels that stay.",
    ),
    "few_examples": Words(
        "Too few examples of some classes",
        "{count} of {of} classes have fewer than {needed} examples in the training part, the rarest {least}: {names}.",
        "What a class looks like cannot be learned, nor judged, from a handful.",
        "Collect more, join such classes with others, or leave them out.",
    ),
    "class_imbalance": Words(
        "A rare class is missed",
        "The class {name} has {count} training examples, {share} % of those of the commonest; of its validation "
        "examples {recall} % are found, of all others {rest} %.",
        "Answering with common classes is nearly always right, so that the loss hardly asks for the rare one.",
        "Weigh classes by how rare they are, collect more of this one, and judge by balanced accuracy.",
    ),
    "threshold": Words(
        "The threshold is badly chosen",
        "From a probability of {used} on the answer is yes; from {better} on, balanced accuracy would be {gain} points "
        "higher than {accuracy} %, on halves that did not choose it.",
        "Classes of different size, or weights in training, move the probabilities away from one half.",
        "Let validation choose the threshold.",
    ),
    "vocabulary_large": Words(
        "The vocabulary is too large for the text",
        "{rare} % of the {size} tokens of the vocabulary occur fewer than {least} times in the training text, too "
        "seldom to learn what they mean.",
        "Every token has a vector and a score of its own, and rare ones are hardly ever trained.",
        "Keep fewer tokens, or cut words into pieces that are met more often.",
    ),
    "vocabulary_small": Words(
        "The vocabulary is too small for the text",
        "{unknown} % of the validation text are tokens that the vocabulary has not; the model cannot tell them apart.",
        "Words that the training text has too seldom, or not at all, are all read as one unknown token.",
        "Cut texts into byte pairs or characters, which leave nothing unknown, or keep more tokens.",
    ),
    "text_overfitting": Words(
        "The model learns the training text by heart",
        "A token of the training text is foreseen with a loss of {train}, one of the validation text with {validation} "
        "({apart} % more); {parameters} weights learned from {tokens} tokens.",
        "With enough weights and passes a network remembers sentences instead of what they have in common.",
        "More dropout, fewer units, fewer passes, or more text.",
    ),
    "copied_text": Words(
        "What it writes is copied",
        "{copied} % of what it wrote stands in the training text, in stretches of at least {stretch} characters. The "
        "longest: “{longest}”.",
        "It has learned sentences by heart, or the training text itself repeats them.",
        "More dropout or fewer passes, a higher temperature; look whether the text holds the same passage many times.",
    ),
    "only_blanks": Words(
        "It writes nothing",
        "{empty} % of the training recordings come out empty after {epochs} epochs; at {blank} % of the steps the "
        "blank is likeliest.",
        "A network trained by CTC says blanks everywhere at first, as that is the cheapest; letters come later, often "
        "all at once.",
        "Train longer, or at a higher rate; see that texts belong to their recordings, and that sound is loud enough.",
    ),
    "speech_overfitting": Words(
        "It knows the training recordings by heart",
        "Character error rate {wrong} % on training recordings, {held} % on the validation part, learned from "
        "{seconds} s of speech.",
        "With few recordings a network remembers each instead of what they have in common.",
        "More variation (masks, speed, pitch), more dropout, fewer units, or more recordings.",
    ),
    "repetition": Words(
        "It writes in circles",
        "{looping} % of what it wrote at temperature 0.8 only repeats what stands right before it (training text: "
        "{ordinary} %).",
        "The likeliest continuation of a repetition is the repetition: a model that has learned little falls into it.",
        "Train longer or with more text; when writing, a higher temperature, min_p=0.05 or repetition_penalty=1.1.",
    ),
    "same_answers": Words(
        "It writes the same for different inputs",
        "{same} % of its {texts} texts for the validation part are one and the same (of what people wrote: {ordinary} "
        "%): “{text}”.",
        "It has learned what texts are like, but not yet to look at the input.",
        "Train longer, with more data, or with attention; check that inputs and texts belong together.",
    ),
    "writing_short": Words(
        "What it writes is too short",
        "Its texts for the validation part have {own} words and marks on average, what people wrote {true}.",
        "The likeliest text is a short one: every token makes a text less likely, and it ends when unsure.",
        "Raise length_penalty or min_length when it writes; train longer.",
    ),
    "writing_long": Words(
        "What it writes is too long",
        "Its texts for the validation part have {own} words and marks on average, what people wrote {true}.",
        "It does not know when it has said everything, and says things again.",
        "Lower length_penalty or give max_length when it writes; train longer.",
    ),
    "writing_loops": Words(
        "It repeats itself",
        "{looping} % of the pairs of words that it wrote stood in the same text before (what people wrote: {ordinary} "
        "%).",
        "It does not know what it has said: attention goes back to the same place.",
        "Raise coverage_penalty when it writes; train longer or with feeding, which tells a step where the last "
        "looked.",
    ),
    "exposure": Words(
        "It was never shown its own mistakes",
        "After true tokens the validation part's tokens are foreseen with a loss of {forced}, after its own likeliest "
        "ones with {free}, {times} times as much.",
        "In training every step is shown the truth before it, which is not there when it writes.",
        "Train the end of the training after its own tokens now and then: a falling teacher_forcing.",
    ),
    "label_overfitting": Words(
        "Overfitting",
        "The error is {train_error} in the training part and {validation_error} in the validation part. {parameters} "
        "weights for {examples} training examples.",
        "The network learns its examples by heart.",
        "Make it harder to learn by heart: dropout, fewer units, augmentation, more data.",
    ),
    "few_steps": Words(
        "Trained too briefly",
        "After {steps} steps in {epochs} epochs the error in training is {train_error}, where a model that knows "
        "nothing has {baseline_error}.",
        "So few steps move the weights hardly away from where chance put them.",
        "Train for more epochs; about 1,500 steps are usual.",
    ),
    "few_units": Words(
        "Too few units",
        "{hidden_size} units per layer; the error in training is {train_error}, where a model that knows nothing has "
        "{baseline_error}.",
        "A handful of units cannot hold what tells the sequences apart.",
        "Give it more units.",
    ),
    "label_underfitting": Words(
        "Underfitting",
        "The error {error} is above that of a simple method ({baseline}: {baseline_error}), and {train_error} in the "
        "training part; {hidden_size} units per layer.",
        "The network is too small, too restrained, or was trained too briefly for what the data hold.",
        "Give it more units, more epochs, or less dropout.",
    ),
    "dirty_training": Words(
        "Anomalies in the training part",
        "{events} events alarm on the {rows} rows of the training part, where the budget allows {allowed}.",
        "What was odd there was learned as ordinary, so that the same passes unseen later; or the process changed.",
        "Label these rows (label=), which keeps them out of the training, or begin the training part later.",
    ),
    "few_errors": Words(
        "Too few errors to tell how rare an alarm is",
        "{rows} errors were measured, and a row alarms at a p of {threshold} and below: {needed} errors would hold one "
        "as rare as that.",
        "Beyond the largest error that was seen, rarity is extrapolated along an assumed tail.",
        "Train and validate on more rows, or allow more alarms.",
    ),
    "p_values_small": Words(
        "p-values are smaller than they should be",
        "Of the {rows} rows after the training part, {share} % have a p of {level} or below: {times} times as many as "
        "there should be.",
        "These rows are noisier than, or otherwise unlike, those that the errors were measured on.",
        "Train on rows like these, and let streams adapt; until then expect more alarms than the budget.",
    ),
    "p_values_large": Words(
        "p-values are larger than they should be",
        "Of the {rows} rows after the training part, only {share} % have a p of {level} or below.",
        "The errors were measured on rows that are noisier, or hold anomalies, so that the detector is less sensitive.",
        "Label anomalies in the training and the validation part, or begin them later.",
    ),
    "many_alarms": Words(
        "More alarms than the budget allows",
        "{events} events alarm on the {rows} rows of the {part}, where the budget allows {allowed}.",
        "They are anomalies, or the rows are no longer like those of the training part.",
        "Look at the events; where they are ordinary, train on rows like these.",
    ),
    "alarm_drift": Words(
        "The data have changed since training",
        "In the {part} the level of {column} lies {shift} deviations from that of the training part and {outside} % of "
        "its values are outside the range seen in training; the error grows {gap} times as much as that of repeating "
        "the last value.",
        "A trend or a break: the detector is asked about values it never saw.",
        "Train again on recent rows, and let streams adapt.",
    ),
    "alarm_underfitting": Words(
        "What is expected is too far off",
        "The values expected are {worse} % farther from those that come than a simple method's ({baseline}: "
        "{baseline_error}, model: {error}); {hidden_size} units per layer.",
        "What is ordinary was not learned, so that only large anomalies stand out.",
        "Give it more units, or a longer training.",
    ),
}
