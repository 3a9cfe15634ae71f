BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('v3.2.0.a');
CREATE TABLE studies (
	study_id INTEGER NOT NULL, 
	study_name VARCHAR(512) NOT NULL, 
	PRIMARY KEY (study_id)
);
INSERT INTO "studies" VALUES(1,'categories');
CREATE TABLE study_directions (
	study_direction_id INTEGER NOT NULL, 
	direction VARCHAR(8) NOT NULL, 
	study_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	PRIMARY KEY (study_direction_id), 
	UNIQUE (study_id, objective), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_directions" VALUES(1,'MAXIMIZE',1,0);
CREATE TABLE study_system_attributes (
	study_system_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_system_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
CREATE TABLE study_user_attributes (
	study_user_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_user_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
CREATE TABLE trial_heartbeats (
	trial_heartbeat_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	heartbeat DATETIME NOT NULL, 
	PRIMARY KEY (trial_heartbeat_id), 
	UNIQUE (trial_id), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE trial_intermediate_values (
	trial_intermediate_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	intermediate_value FLOAT, 
	intermediate_value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_intermediate_value_id), 
	UNIQUE (trial_id, step), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE trial_params (
	param_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	param_name VARCHAR(512), 
	param_value FLOAT, 
	distribution_json TEXT, 
	PRIMARY KEY (param_id), 
	UNIQUE (trial_id, param_name), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_params" VALUES(1,1,'level',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [1, "1", null, "None", true]}}');
INSERT INTO "trial_params" VALUES(2,2,'level',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [1, "1", null, "None", true]}}');
INSERT INTO "trial_params" VALUES(3,3,'level',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [1, "1", null, "None", true]}}');
INSERT INTO "trial_params" VALUES(4,4,'level',3.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [1, "1", null, "None", true]}}');
INSERT INTO "trial_params" VALUES(5,5,'level',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [1, "1", null, "None", true]}}');
INSERT INTO "trial_params" VALUES(6,6,'level',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [1, "1", null, "None", true]}}');
INSERT INTO "trial_params" VALUES(7,7,'level',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [1, "1", null, "None", true]}}');
INSERT INTO "trial_params" VALUES(8,8,'level',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [1, "1", null, "None", true]}}');
INSERT INTO "trial_params" VALUES(9,9,'level',3.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [1, "1", null, "None", true]}}');
INSERT INTO "trial_params" VALUES(10,10,'level',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [1, "1", null, "None", true]}}');
INSERT INTO "trial_params" VALUES(11,11,'level',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [1, "1", null, "None", true]}}');
INSERT INTO "trial_params" VALUES(12,12,'level',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [1, "1", null, "None", true]}}');
INSERT INTO "trial_params" VALUES(13,13,'level',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [1, "1", null, "None", true]}}');
INSERT INTO "trial_params" VALUES(14,14,'level',3.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [1, "1", null, "None", true]}}');
INSERT INTO "trial_params" VALUES(15,15,'level',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [1, "1", null, "None", true]}}');
INSERT INTO "trial_params" VALUES(16,16,'level',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [1, "1", null, "None", true]}}');
INSERT INTO "trial_params" VALUES(17,17,'level',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [1, "1", null, "None", true]}}');
INSERT INTO "trial_params" VALUES(18,18,'level',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [1, "1", null, "None", true]}}');
INSERT INTO "trial_params" VALUES(19,19,'level',3.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [1, "1", null, "None", true]}}');
INSERT INTO "trial_params" VALUES(20,20,'level',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": [1, "1", null, "None", true]}}');
CREATE TABLE trial_system_attributes (
	trial_system_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_system_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_system_attributes" VALUES(1,1,'fixed_params','{"level": 1}');
INSERT INTO "trial_system_attributes" VALUES(2,2,'fixed_params','{"level": "1"}');
INSERT INTO "trial_system_attributes" VALUES(3,3,'fixed_params','{"level": null}');
INSERT INTO "trial_system_attributes" VALUES(4,4,'fixed_params','{"level": "None"}');
INSERT INTO "trial_system_attributes" VALUES(5,5,'fixed_params','{"level": true}');
INSERT INTO "trial_system_attributes" VALUES(6,6,'fixed_params','{"level": 1}');
INSERT INTO "trial_system_attributes" VALUES(7,7,'fixed_params','{"level": "1"}');
INSERT INTO "trial_system_attributes" VALUES(8,8,'fixed_params','{"level": null}');
INSERT INTO "trial_system_attributes" VALUES(9,9,'fixed_params','{"level": "None"}');
INSERT INTO "trial_system_attributes" VALUES(10,10,'fixed_params','{"level": true}');
INSERT INTO "trial_system_attributes" VALUES(11,11,'fixed_params','{"level": 1}');
INSERT INTO "trial_system_attributes" VALUES(12,12,'fixed_params','{"level": "1"}');
INSERT INTO "trial_system_attributes" VALUES(13,13,'fixed_params','{"level": null}');
INSERT INTO "trial_system_attributes" VALUES(14,14,'fixed_params','{"level": "None"}');
INSERT INTO "trial_system_attributes" VALUES(15,15,'fixed_params','{"level": true}');
INSERT INTO "trial_system_attributes" VALUES(16,16,'fixed_params','{"level": 1}');
INSERT INTO "trial_system_attributes" VALUES(17,17,'fixed_params','{"level": "1"}');
INSERT INTO "trial_system_attributes" VALUES(18,18,'fixed_params','{"level": null}');
INSERT INTO "trial_system_attributes" VALUES(19,19,'fixed_params','{"level": "None"}');
INSERT INTO "trial_system_attributes" VALUES(20,20,'fixed_params','{"level": true}');
CREATE TABLE trial_user_attributes (
	trial_user_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_user_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_user_attributes" VALUES(1,1,'seed','0');
INSERT INTO "trial_user_attributes" VALUES(2,2,'seed','0');
INSERT INTO "trial_user_attributes" VALUES(3,3,'seed','0');
INSERT INTO "trial_user_attributes" VALUES(4,4,'seed','0');
INSERT INTO "trial_user_attributes" VALUES(5,5,'seed','0');
INSERT INTO "trial_user_attributes" VALUES(6,6,'seed','1');
INSERT INTO "trial_user_attributes" VALUES(7,7,'seed','1');
INSERT INTO "trial_user_attributes" VALUES(8,8,'seed','1');
INSERT INTO "trial_user_attributes" VALUES(9,9,'seed','1');
INSERT INTO "trial_user_attributes" VALUES(10,10,'seed','1');
INSERT INTO "trial_user_attributes" VALUES(11,11,'seed','2');
INSERT INTO "trial_user_attributes" VALUES(12,12,'seed','2');
INSERT INTO "trial_user_attributes" VALUES(13,13,'seed','2');
INSERT INTO "trial_user_attributes" VALUES(14,14,'seed','2');
INSERT INTO "trial_user_attributes" VALUES(15,15,'seed','2');
INSERT INTO "trial_user_attributes" VALUES(16,16,'seed','3');
INSERT INTO "trial_user_attributes" VALUES(17,17,'seed','3');
INSERT INTO "trial_user_attributes" VALUES(18,18,'seed','3');
INSERT INTO "trial_user_attributes" VALUES(19,19,'seed','3');
INSERT INTO "trial_user_attributes" VALUES(20,20,'seed','3');
CREATE TABLE trial_values (
	trial_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	value FLOAT, 
	value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_value_id), 
	UNIQUE (trial_id, objective), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_values" VALUES(1,1,0,4.96746158673147919504e-01,'FINITE');
INSERT INTO "trial_values" VALUES(2,2,0,0.551322934208113,'FINITE');
INSERT INTO "trial_values" VALUES(3,3,0,5.98667192347797527673e-01,'FINITE');
INSERT INTO "trial_values" VALUES(4,4,0,6.46939500571735437439e-01,'FINITE');
INSERT INTO "trial_values" VALUES(5,5,0,7.0117167913823341685e-01,'FINITE');
INSERT INTO "trial_values" VALUES(6,6,0,5.01256552530069288131e-01,'FINITE');
INSERT INTO "trial_values" VALUES(7,7,0,0.547922548622851,'FINITE');
INSERT INTO "trial_values" VALUES(8,8,0,5.99028624217945893093e-01,'FINITE');
INSERT INTO "trial_values" VALUES(9,9,0,6.459352729960246009e-01,'FINITE');
INSERT INTO "trial_values" VALUES(10,10,0,6.9254140182445378393e-01,'FINITE');
INSERT INTO "trial_values" VALUES(11,11,0,5.01387612420217898545e-01,'FINITE');
INSERT INTO "trial_values" VALUES(12,12,0,5.53098912899674277632e-01,'FINITE');
INSERT INTO "trial_values" VALUES(13,13,0,0.598934946120228,'FINITE');
INSERT INTO "trial_values" VALUES(14,14,0,6.50873576445280099811e-01,'FINITE');
INSERT INTO "trial_values" VALUES(15,15,0,7.01652817717267174302e-01,'FINITE');
INSERT INTO "trial_values" VALUES(16,16,0,4.99979438580295865168e-01,'FINITE');
INSERT INTO "trial_values" VALUES(17,17,0,5.49040820082026592707e-01,'FINITE');
INSERT INTO "trial_values" VALUES(18,18,0,0.599848410074833,'FINITE');
INSERT INTO "trial_values" VALUES(19,19,0,0.646894689437771,'FINITE');
INSERT INTO "trial_values" VALUES(20,20,0,0.696029429516822,'FINITE');
CREATE TABLE trials (
	trial_id INTEGER NOT NULL, 
	number INTEGER, 
	study_id INTEGER, 
	state VARCHAR(8) NOT NULL, 
	datetime_start DATETIME, 
	datetime_complete DATETIME, 
	PRIMARY KEY (trial_id), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "trials" VALUES(1,0,1,'COMPLETE','2026-11-29 19:22:02.337535','2026-11-29 19:22:02.350872');
INSERT INTO "trials" VALUES(2,1,1,'COMPLETE','2026-11-29 19:22:02.361107','2026-11-29 19:22:02.368453');
INSERT INTO "trials" VALUES(3,2,1,'COMPLETE','2026-11-29 19:22:02.377683','2026-11-29 19:22:02.385189');
INSERT INTO "trials" VALUES(4,3,1,'COMPLETE','2026-11-29 19:22:02.393646','2026-11-29 19:22:02.401175');
INSERT INTO "trials" VALUES(5,4,1,'COMPLETE','2026-11-29 19:22:02.409855','2026-11-29 19:22:02.417516');
INSERT INTO "trials" VALUES(6,5,1,'COMPLETE','2026-11-29 19:22:02.426837','2026-11-29 19:22:02.434611');
INSERT INTO "trials" VALUES(7,6,1,'COMPLETE','2026-11-29 19:22:02.443833','2026-11-29 19:22:02.451746');
INSERT INTO "trials" VALUES(8,7,1,'COMPLETE','2026-11-29 19:22:02.460841','2026-11-29 19:22:02.468841');
INSERT INTO "trials" VALUES(9,8,1,'COMPLETE','2026-11-29 19:22:02.477775','2026-11-29 19:22:02.485683');
INSERT INTO "trials" VALUES(10,9,1,'COMPLETE','2026-11-29 19:22:02.494509','2026-11-29 19:22:02.502051');
INSERT INTO "trials" VALUES(11,10,1,'COMPLETE','2026-11-29 19:22:02.511222','2026-11-29 19:22:02.518507');
INSERT INTO "trials" VALUES(12,11,1,'COMPLETE','2026-11-29 19:22:02.527037','2026-11-29 19:22:02.534227');
INSERT INTO "trials" VALUES(13,12,1,'COMPLETE','2026-11-29 19:22:02.543503','2026-11-29 19:22:02.556472');
INSERT INTO "trials" VALUES(14,13,1,'COMPLETE','2026-11-29 19:22:02.566003','2026-11-29 19:22:02.573846');
INSERT INTO "trials" VALUES(15,14,1,'COMPLETE','2026-11-29 19:22:02.583723','2026-11-29 19:22:02.591482');
INSERT INTO "trials" VALUES(16,15,1,'COMPLETE','2026-11-29 19:22:02.600386','2026-11-29 19:22:02.608909');
INSERT INTO "trials" VALUES(17,16,1,'COMPLETE','2026-11-29 19:22:02.618661','2026-11-29 19:22:02.627350');
INSERT INTO "trials" VALUES(18,17,1,'COMPLETE','2026-11-29 19:22:02.637102','2026-11-29 19:22:02.645432');
INSERT INTO "trials" VALUES(19,18,1,'COMPLETE','2026-11-29 19:22:02.656775','2026-11-29 19:22:02.664918');
INSERT INTO "trials" VALUES(20,19,1,'COMPLETE','2026-11-29 19:22:02.675062','2026-11-29 19:22:02.683860');
CREATE TABLE version_info (
	version_info_id INTEGER NOT NULL, 
	schema_version INTEGER, 
	library_version VARCHAR(256), 
	PRIMARY KEY (version_info_id), 
	CHECK (version_info_id=1)
);
INSERT INTO "version_info" VALUES(1,12,'5.0.0');
CREATE UNIQUE INDEX ix_studies_study_name ON studies (study_name);
CREATE INDEX ix_trials_study_id ON trials (study_id);
COMMIT;
