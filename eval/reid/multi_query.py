"""Multi-query: the query is the mean feature of several images of one person by one camera.

As Zheng et al., "Scalable Person Re-identification: A Benchmark", ICCV 2015, where Market-1501's `gt_bbox` gives all
images of a query's person in the query's camera; MSMT17 and others have a `multi-query` folder.
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from dgnet.core.errors import UserError
from eval.arrays import Array, checked_labels
from eval.reid.distance import unit_features
from eval.reid.labeled_features import LabeledFeatures
from eval.reid.labels import check_cameras


def mean_of_each_query(
    images: LabeledFeatures, query_identities: Array, query_cameras: Array
) -> Float[Tensor, "query feature"]:
    """For each query the mean unit feature of all images of its identity by its camera, float64.

    `images` are those that are averaged; the query's own image counts if it is among them. `UserError` for a query
    without any such image, cameras that are known (0 or more) for a part of an identity, NaN and mismatched shapes.
    """
    unit = unit_features("multi-query features", images.features)
    identities = checked_labels("multi-query identities", images.identities, len(unit))
    cameras = checked_labels("multi-query cameras", images.cameras, len(unit))
    group = np.stack([identities, cameras], axis=1)
    queries = checked_labels("query_identities", query_identities, len(query_identities))
    of_queries = checked_labels("query_cameras", query_cameras, len(queries))
    check_cameras(queries, [(queries, of_queries), (identities, cameras)])
    wanted = np.stack([queries, of_queries], axis=1)
    groups, of_image = np.unique(group, axis=0, return_inverse=True)
    place = {(int(identity), int(camera)): number for number, (identity, camera) in enumerate(groups)}
    missing = next((number for number, pair in enumerate(wanted.tolist()) if tuple(pair) not in place), None)
    if missing is not None:
        identity, camera = wanted[missing].tolist()
        raise UserError(
            f"multi-query needs images of every query's identity and camera, query {missing} has none of identity "
            f"{identity} by camera {camera}"
        )
    of_query = torch.tensor([place[identity, camera] for identity, camera in wanted.tolist()])
    rows = torch.from_numpy(of_image.reshape(-1)).to(unit.device)
    sums = torch.zeros(len(groups), unit.shape[1], dtype=torch.float64, device=unit.device)
    # Sums of multiples of 2^-24 are exact: their order cannot matter, on any device.
    sums.index_add_(0, rows, unit.double())
    return (sums / torch.bincount(rows, minlength=len(groups))[:, None])[of_query.to(unit.device)]
