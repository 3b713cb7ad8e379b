"""What a training of a re-ID model would refuse, asked before other long work: no image is read."""

from dgnet.core.distributed import Distributed
from dgnet.data.datasets import training_labels
from dgnet.data.records import Dataset
from dgnet.models.people import require_initial_people
from dgnet.models.pretrained import load_pretrained
from dgnet.models.registry import build_model
from reid_heads.config import ReIDConfig
from reid_heads.training.batches import Augmentation
from reid_heads.training.components import build_objective, build_optimizers, refuse_no_positives, refuse_useless
from reid_heads.training.sampler import IdentitySampler
from reid_heads.training.teachers import load_distillation_teacher, load_label_teachers


def check_training(config: ReIDConfig, dataset: Dataset, distributed: Distributed) -> int:
    """The number of steps of a training with this configuration.

    Raises:
        UserError: settings, records and files of weights that do not go together. The images themselves and sets of
            generated ones are not read (`reid_heads.generated.sources.open_generated` does).
    """
    data = config.data
    people = data.identities * distributed.world_size
    labels = training_labels(dataset).numpy()
    sampler = IdentitySampler(labels, people, data.images_per_identity, config.run.seed, data.epoch_mode)
    Augmentation(data, config.run.seed)
    refuse_no_positives(config)
    model = build_model(config.model.name, len(dataset.identities), **config.model.options)
    if config.model.weights is not None:
        load_pretrained(model, config.model.weights, config.model.new_classifier)
        require_initial_people(model, dataset)
    build_optimizers(config, model, build_objective(config, model))
    if config.run.sync_batch_norm:
        distributed.synchronize_batch_norm(model)
    if config.generated.source is not None:
        refuse_useless(config)
    load_label_teachers(config.generated, dataset, distributed.device)
    load_distillation_teacher(config.distillation, dataset, distributed.device)
    return sampler.batches_per_epoch * config.schedule.epochs
